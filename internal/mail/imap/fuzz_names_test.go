package imap

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"maillab/internal/mail/imap/syntax"
)

// FuzzUTF7: every name has one form on the wire, which is ASCII and leads back to it, with separators inside it hidden; and
// what is no name is told to be none.
func FuzzUTF7(f *testing.F) {
	for _, s := range []string{"Envoyés", "&", "a&-b", "&AMk-t&AMk-", "日本語", "&2D3eCg-", "a.b/c", "&AGE", "\xc3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if utf8.ValidString(name) && !strings.ContainsRune(name, utf8.RuneError) {
			wire := syntax.EncodeUTF7(name, ".")
			if strings.ContainsFunc(wire, func(r rune) bool { return r < ' ' || r > '~' || r == '.' }) {
				t.Fatalf("%q goes out as %q", name, wire)
			}
			if back, ok := syntax.DecodeUTF7(wire); back != name || !ok {
				t.Fatalf("%q went out as %q and came back as %q, %v", name, wire, back, ok)
			}
		}
		back, ok := syntax.DecodeUTF7(name)
		if again, sure := syntax.DecodeUTF7(syntax.EncodeUTF7(back, "")); ok && (!utf8.ValidString(back) || again != back || !sure) {
			t.Fatalf("%q is %q, which becomes %q", name, back, again)
		}
		for _, w := range []words{courierWords(), dovecotWords()} {
			c := &conn{w: &w}
			inner, err := c.fromWire(name)
			if err != nil {
				continue
			}
			out, ok := c.toWire(inner)
			if inside, err := c.fromWire(out); !ok || err != nil || inside != inner {
				t.Fatalf("%q is the mailbox %q, told as %q, which is %q, %v", name, inner, out, inside, err)
			}
		}
	})
}

// FuzzBodySearch: the short ways to tell that a text is not in a message never miss what taking the message apart finds.
func FuzzBodySearch(f *testing.F) {
	f.Add("lazy", []byte("Subject: x\r\n\r\nThe lazy dog\r\n"))
	f.Add("été", []byte("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nun =C3=89t=C3=A9\r\n"))
	f.Add("x", []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--\r\n"))
	f.Add("sub", []byte("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny"))
	f.Fuzz(func(t *testing.T, text string, mail []byte) {
		if text = syntax.Fold(text); text == "" || !utf8.ValidString(text) {
			return
		}
		ask := func(how func(*message) (bool, error)) bool {
			got, err := how(&message{raw: bytesRaw{bytes.NewReader(mail)}, size: -1, box: &selected{}})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		quick := ask(func(m *message) (bool, error) { return m.bodyHas(text) })
		slow := ask(func(m *message) (bool, error) {
			tree, err := m.structure()
			if err != nil {
				return false, err
			}
			return m.partHas(tree, text)
		})
		if quick != slow {
			t.Fatalf("%q in %q: %v at once, %v taken apart", text, mail, quick, slow)
		}
	})
}
