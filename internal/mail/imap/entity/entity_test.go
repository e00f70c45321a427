package entity

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// outline draws a tree: each part's type, the octets of its body, its lines, and the body itself when it is a leaf.
func outline(p *Part, message string, indent string) string {
	s := indent + p.Type + "/" + p.Subtype
	if len(p.Parts) == 0 && p.Message == nil {
		s += fmt.Sprintf(" %d+%d %q", p.Size(), p.Lines, message[p.Body:p.End])
	}
	s += "\n"
	for _, part := range p.Parts {
		s += outline(part, message, indent+"  ")
	}
	if p.Message != nil {
		s += outline(p.Message, message, indent+"  ")
	}
	return s
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, message, want string }{
		{"nothing", "", "text/plain 0+0 \"\"\n"},
		{"no header", "\nbody\n", "text/plain 6+1 \"body\\r\\n\"\n"},
		{"no body", "Subject: x\n", "text/plain 0+0 \"\"\n"},
		{"no end of line", "Subject: x\n\na\nb", "text/plain 4+1 \"a\\r\\nb\"\n"},
		{"no colon", "what\nContent-Type: text/html\n\nx\n", "text/html 3+1 \"x\\r\\n\"\n"},
		{"nonsense type", "Content-Type: nonsense\n\nx\n", "text/plain 3+1 \"x\\r\\n\"\n"},
		{"comment in type", "Content-Type: (a(b)) text / html (c); x=y\n\nx\n", "text/html 3+1 \"x\\r\\n\"\n"},
		{"no boundary", "Content-Type: multipart/mixed\n\nx\n", "text/plain 3+1 \"x\\r\\n\"\n"},
		{"no parts", "Content-Type: multipart/mixed; boundary=b\n\nx\n", "multipart/mixed\n  text/plain 0+0 \"\"\n"},
		{"the lab sheet's", "Content-type: multipart/mixed; boundary=-----0000000000\n\npre\n-------0000000000\n\nun\ndeux ...\n" +
			"-------0000000000\nContent-Type: text/plain; charset=UTF-8;\n  name=\"fichier.txt\"\n\ntrois\n-------0000000000--\n",
			"multipart/mixed\n  text/plain 12+1 \"un\\r\\ndeux ...\"\n  text/plain 5+0 \"trois\"\n"},
		{"never closed", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n", "multipart/mixed\n  text/plain 3+1 \"x\\r\\n\"\n"},
		{"empty parts", "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b\nA: b\n--b--\n",
			"multipart/mixed\n  text/plain 0+0 \"\"\n  text/plain 0+0 \"\"\n  text/plain 0+0 \"\"\n"},
		{"prefix boundaries", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\ny\n--bb--\n--b  \n\nz\n--b--",
			"multipart/mixed\n  multipart/mixed\n    text/plain 1+0 \"y\"\n  text/plain 1+0 \"z\"\n"},
		{"outer ends inner", "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\ny\n--o\n\nz\n--o--\n",
			"multipart/mixed\n  multipart/mixed\n    text/plain 1+0 \"y\"\n  text/plain 1+0 \"z\"\n"},
		{"message", "Content-Type: message/rfc822\n\nSubject: in\n\nx\n", "message/rfc822\n  text/plain 3+1 \"x\\r\\n\"\n"},
		{"message without anything", "Content-Type: message/rfc822\n", "message/rfc822\n  text/plain 0+0 \"\"\n"},
		{"encoded message", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n", "message/rfc822\n  text/plain 0+0 \"\"\n"},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: a\n\nx\n--b\nContent-Type: text/plain\n\ny\n--b--\n",
			"multipart/digest\n  message/rfc822\n    text/plain 1+0 \"x\"\n  text/plain 1+0 \"y\"\n"},
	} {
		message := crlf(tt.message)
		for _, r := range []io.Reader{strings.NewReader(message), iotest.OneByteReader(strings.NewReader(message))} {
			p, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, outline(p, message, "")); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
			}
		}
	}
}

func TestFind(t *testing.T) {
	message := crlf("Content-Type: multipart/mixed; boundary=o\n\n--o\n\none\n--o\nContent-Type: message/rfc822\n\nSubject: s\n\ninner\n" +
		"--o\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\ndeep\n--i--\n--o--\n")
	root, err := Parse(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path []uint32
		want string
	}{
		{[]uint32{1}, "one"}, {[]uint32{1, 1}, "-"}, {[]uint32{0}, "-"}, {[]uint32{4}, "-"},
		{[]uint32{2}, "Subject: s\r\n\r\ninner"}, {[]uint32{2, 1}, "inner"}, {[]uint32{2, 2}, "-"}, {[]uint32{2, 1, 1}, "-"},
		{[]uint32{3, 1}, "deep"}, {[]uint32{3, 1, 1}, "-"},
	} {
		got := "-"
		if p := root.Find(tt.path); p != nil {
			got = message[p.Body:p.End]
		}
		if got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.path, got, tt.want)
		}
	}
	single, _ := Parse(strings.NewReader("A: b\r\n\r\nx"))
	if p := single.Find([]uint32{1}); p != single || single.Find([]uint32{2}) != nil || single.Find([]uint32{1, 1}) != nil {
		t.Errorf("a single part: %+v", p)
	}
}

// TestHostile: whatever comes, the tree stays small and the limits hold.
func TestHostile(t *testing.T) {
	nest := strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 5000)
	depth, deepest := 0, 0
	var count func(p *Part) int
	count = func(p *Part) int {
		depth++
		deepest = max(deepest, depth)
		defer func() { depth-- }()
		n := 1
		for _, c := range p.Parts {
			n += count(c)
		}
		if p.Message != nil {
			n += count(p.Message)
		}
		return n
	}
	for name, message := range map[string]string{
		"nested multiparts":  nest,
		"nested messages":    strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 5000),
		"50,000 parts":       "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 50_000),
		"a megabyte of type": "Content-Type: text/plain; " + strings.Repeat("a=b; ", 200_000) + "\r\n\r\nx",
		"a long line":        "Subject: " + strings.Repeat("x", 1<<20) + "\r\n\r\n" + strings.Repeat("y", 1<<20),
		"many header fields": strings.Repeat("Content-Foo: bar\r\n", 60_000) + "\r\nx",
	} {
		p, err := Parse(strings.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		deepest = 0
		if n := count(p); n > 2*maxParts || deepest > maxDepth+2 || p.End != int64(len(message)) || len(p.Params) > maxParams {
			t.Errorf("%s: %d parts, %d deep, end %d of %d", name, n, deepest, p.End, len(message))
		}
	}
}

func TestAddresses(t *testing.T) {
	for value, want := range map[string][]Address{
		"":                              nil,
		"a@b":                           {{Mailbox: "a", Host: "b"}},
		"util1":                         {{Mailbox: "util1"}},
		`"Dupont, Jean" <jean@x.fr>, m`: {{Name: "Dupont, Jean", Mailbox: "jean", Host: "x.fr"}, {Mailbox: "m"}},
		"J. R. Doe <j@x>":               {{Name: "J. R. Doe", Mailbox: "j", Host: "x"}},
		"marie@y.fr (Marie C)":          {{Name: "Marie C", Mailbox: "marie", Host: "y.fr"}},
		"<@r1,@r2:who@h>":               {{Route: "@r1,@r2", Mailbox: "who", Host: "h"}},
		"grp: a@b, c@d;, e@f": {{Mailbox: "grp", Group: true}, {Mailbox: "a", Host: "b"}, {Mailbox: "c", Host: "d"}, {Group: true},
			{Mailbox: "e", Host: "f"}},
		"undisclosed-recipients:;":        {{Mailbox: "undisclosed-recipients", Group: true}, {Group: true}},
		"open: a@b":                       {{Mailbox: "open", Group: true}, {Mailbox: "a", Host: "b"}, {Group: true}},
		`"a b"@[1.2.3.4]`:                 {{Mailbox: "a b", Host: "[1.2.3.4]"}},
		"<":                               {{}},
		"Mail Delivery System <>":         {{Name: "Mail Delivery System"}},
		"<>":                              {{}},
		"\"x\" <>, @b":                    {{Name: "x"}, {Host: "b"}},
		"a b c@d.e":                       {{Name: "a b", Mailbox: "c", Host: "d.e"}},
		"a b":                             {{Name: "a b"}},
		"a . b @ c":                       {{Mailbox: "a.b", Host: "c"}},
		"<user-from (c)@ (c) domain.org>": {{Mailbox: "user-from", Host: "domain.org"}},
		"a@b@c":                           {{Mailbox: "a@b", Host: "c"}},
		",,a@b,":                          {{Mailbox: "a", Host: "b"}},
		`"unclosed <a@b>`:                 {{Mailbox: "unclosed <a@b>"}},
		"(only a comment)":                nil,
	} {
		if diff := cmp.Diff(want, Addresses(value)); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", value, diff)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct{ encoding, in, want string }{
		{"", "a=\r\n", "a=\r\n"},
		{"BASE64", "aGVs\r\nbG8=\r\n", "hello"},
		{"base64", "aG*Vs bG8", "hello"},
		{"base64", "aGVs====bG8=", "hello"},
		{"quoted-printable", "=C3=A9 =\r\nt=e9 = =ZZ  \r\nx", "\xc3\xa9 t\xe9 = =ZZ\r\nx"},
		{"Quoted-Printable", "a=", "a"},
	} {
		r, ok := Decode(tt.encoding, iotest.OneByteReader(strings.NewReader(tt.in)))
		if !ok {
			t.Fatal(tt.encoding)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s %q: got %q, %v", tt.encoding, tt.in, got, err)
		}
	}
	if _, ok := Decode("x-uuencode", nil); ok {
		t.Error("uuencode is not known")
	}
}

func TestWords(t *testing.T) {
	for value, want := range map[string]string{
		"=?iso-8859-1?q?=E9t=E9?= =?utf-8?b?w6k=?=": "étéé",
		"caf\xe9":           "café",
		"café":              "café",
		"=?nope?q?x?= =?=":  "x =?=",
		"a =?utf-8?q?b?= c": "a b c",
	} {
		if got := Words(value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

// TestBaseSubject: RFC 5256, section 2.1.
func TestBaseSubject(t *testing.T) {
	for subject, want := range map[string]string{
		"test":                        "test false",
		"Re: test":                    "test true",
		"RE : [liste] Fwd: test":      "test true",
		"Re[2]: test":                 "test true",
		"[liste] test":                "test false",
		"[liste]":                     "[liste] false",
		"test (fwd) (fwd)":            "test true",
		"[Fwd: Re: test]":             "test true",
		"Re: ":                        " true",
		"Regarding":                   "Regarding false",
		"  a \t  b ":                  "a b false",
		"[a] [b] Re: [c] d [e] (FWD)": "d [e] true",
	} {
		base, reply := BaseSubject(subject)
		if got := fmt.Sprint(base, " ", reply); got != want {
			t.Errorf("%q: got %q, want %q", subject, got, want)
		}
	}
}

func TestDate(t *testing.T) {
	for value, want := range map[string]string{
		"Fri, 26 Mar 2021 12:09:05 +0100 (CET)": "2021-03-26T12:09:05+01:00",
		"26 Mar 2021 12:09":                     "2021-03-26T12:09:00Z",
		"Fri Mar 26 12:09:05 2021":              "2021-03-26T12:09:05Z",
		"2021-03-26":                            "2021-03-26T00:00:00Z",
	} {
		got, ok := Date(value)
		if !ok || got.Format("2006-01-02T15:04:05Z07:00") != want {
			t.Errorf("%q: got %v, %v", value, got, ok)
		}
	}
	if _, ok := Date("hier"); ok {
		t.Error("hier is no date")
	}
}

// FuzzParse: any octets are a message, its parts lie within one another, and all that is read of them ends.
func FuzzParse(f *testing.F) {
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx\r\n--b--\r\n"))
	f.Add([]byte("From: a@b, \"c\" <d@e> (f);\nSubject: =?utf-8?q?=C3?=\nDate: x\n\n\x00\xff"))
	f.Add([]byte("Content-Type: multipart/digest; boundary=\"b c\"\n\n--b c\n\n--b c--\n"))
	f.Add([]byte("Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: quoted-printable\n\n=\n=4\n"))
	f.Fuzz(func(t *testing.T, message []byte) {
		root, err := Parse(bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		if root.End != int64(len(message)) {
			t.Fatalf("ends at %d of %d", root.End, len(message))
		}
		check(t, root, message)
		for field := range Fields(message) {
			Addresses(field.Text())
			BaseSubject(Words(field.Text()))
			Date(field.Text())
		}
	})
}

func check(t *testing.T, p *Part, message []byte) {
	t.Helper()
	if p.Start > p.Body || p.Body > p.End || p.Lines < 0 || p.Type == "" || p.Subtype == "" {
		t.Fatalf("a part that cannot be: %+v", p)
	}
	if got := int64(bytes.Count(message[p.Body:p.End], []byte("\n"))); got != p.Lines {
		t.Fatalf("%d lines, counted %d: %+v", p.Lines, got, p)
	}
	last := p.Body
	for _, c := range p.Parts {
		if c.Start < last && c.Start != c.End || c.End > p.End {
			t.Fatalf("%+v is not within %+v", c, p)
		}
		last = c.End
		check(t, c, message)
	}
	if p.Message != nil {
		check(t, p.Message, message)
	}
	if len(p.Parts) == 0 && p.Message == nil {
		if r, ok := Decode(p.Encoding, bytes.NewReader(message[p.Body:p.End])); ok {
			if _, err := io.Copy(io.Discard, Text(p.Param("charset"), r)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
