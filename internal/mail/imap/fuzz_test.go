package imap

import (
	"bytes"
	"io"
	"testing"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
	"maillab/internal/mail/imap/syntax"
)

// stutter reads text n octets at a time.
type stutter struct {
	text string
	n    int
}

func (s *stutter) Read(b []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), s.n)], s.text)
	s.text = s.text[n:]
	return n, nil
}

// FuzzTokeniser: a line is read the same in whatever pieces it comes.
func FuzzTokeniser(f *testing.F) {
	for _, s := range []string{"a1 LOGIN \"x\\\"\" {3}\r\nabc (\\Seen x) 1:*,3 ~{1+}\r\n\x00", "\xff\xfd\x01a\xff\xff\r\x00b\n", "{", "((((", "\"\\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if whole, bytewise := lines(in, len(in)+1), lines(in, 1); !bytes.Equal(whole, bytewise) {
			t.Fatalf("%q in one piece, %q octet by octet", whole, bytewise)
		}
		(&syntax.Masker{}).First(in)
	})
}

// lines reads all lines of a stream, joined.
func lines(in []byte, n int) []byte {
	r := newReader(&stutter{string(in), n})
	var all []byte
	for {
		line, err := r.line(nil, 1000)
		if err != nil && err != errLineTooLong {
			return all
		}
		all = append(append(all, line...), '\n')
	}
}

// FuzzSearch: what is parsed can be evaluated.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"OR (FROM x NOT SEEN) UID 1:*", "CHARSET utf-8 BODY {1}\r\n\xe9", "RETURN (MIN ALL) SINCE 1-Feb-2026", "MODSEQ \"x\" all 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := syntax.New(in, nil).Search(false)
		if err != nil {
			return
		}
		b := &selected{view: []mail.Message{{UID: 3}, {UID: 9}}, fields: &entity.Remembered{}}
		b.prepareKey(r.Key)
		m := &candidate{index: 1, message: message{Message: b.view[1], size: -1, raw: bytesRaw{bytes.NewReader(in)}, box: b}, hold: &holding{}}
		if _, err := m.fits(t.Context(), r.Key); err != nil {
			t.Fatal(err)
		}
	})
}

type bytesRaw struct{ *bytes.Reader }

func (bytesRaw) Close() error { return nil }

// FuzzFetch: any section of any message can be served, and is part of it unless it was put together.
func FuzzFetch(f *testing.F) {
	f.Add([]byte("1 (BODY[1.MIME]<1.5> BINARY[2] RFC822.HEADER BODYSTRUCTURE)"), []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"))
	f.Add([]byte("1 (BODY[HEADER.FIELDS.NOT (a)] ENVELOPE FLAGS)"), []byte("A: b\nFrom: x <y@z>\n\nbody"))
	f.Add([]byte("1 (BODY[2.1.TEXT])"), []byte("\n\x00"))
	f.Fuzz(func(t *testing.T, request, text []byte) {
		w := dovecotWords()
		r, err := syntax.New(request, nil).Fetch()
		if err != nil || len(r.Items) > 50 {
			return
		}
		c := &conn{cfg: &Config{}, w: &w, out: &writer{nc: nowhere{}, pool: &buffers{}}, box: &selected{}}
		fe := &fetcher{viewer: viewer{c}, Fetch: r}
		fe.arrange()
		msg := &message{Message: mail.Message{UID: 1, Size: int64(len(text))}, raw: bytesRaw{bytes.NewReader(text)}, size: -1, box: c.box}
		if err := fe.prepare(msg); err != nil && err != errUnknownEncoding {
			t.Fatal(err)
		} else if err != nil {
			return
		}
		for _, item := range r.Items {
			fe.writeItem(msg, item)
			if item.Kind != syntax.ItemSection {
				continue
			}
			p, ok, err := msg.piece(item.Section)
			if err != nil || ok && !p.made && (p.off < 0 || p.n < 0 || p.off+p.n > int64(len(text))) {
				t.Fatalf("%s: %+v of %d, %v", fe.label(item), p, len(text), err)
			}
		}
		header, _, _ := msg.piece(syntax.Section{What: syntax.HeaderOnly})
		body, _, _ := msg.piece(syntax.Section{What: syntax.TextOnly})
		if header.off != 0 || header.n != body.off || body.off+body.n != int64(len(text)) {
			t.Fatalf("header %+v and text %+v are not the message", header, body)
		}
	})
}
