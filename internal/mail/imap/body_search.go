package imap

import (
	"bytes"
	"io"
	"unicode"
	"unicode/utf8"

	"maillab/internal/mail/imap/entity"
)

// scanPiece is how much of a body is looked at in one go.
const scanPiece = 64 << 10

// bodyHas looks for text in what a reader would see of the body: the text parts, decoded.
//
// Most messages are a single text, and most of the others do not have it, which can be told by their raw octets: when
// nothing is encoded, text that is not in the octets is not in the message. Only what is left is taken apart.
func (m *message) bodyHas(text string) (bool, error) {
	if text == "" {
		return true, nil
	}
	header, err := m.loadHeader()
	if err != nil {
		return false, err
	}
	if part, ok := entity.Single(header); ok {
		part.Body, part.End = m.size, m.raw.Size()
		return m.partHas(part, text)
	}
	maybe, err := m.mayHave(text)
	if err != nil || !maybe {
		return false, err
	}
	tree, err := m.structure()
	if err != nil {
		return false, err
	}
	return m.partHas(tree, text)
}

// mayHave looks at the raw octets of the body.
func (m *message) mayHave(text string) (bool, error) {
	want := finder{needle: []byte(text)}
	ascii := isASCII(want.needle)
	const overlap = 32 // longer than any of the hints, so that none is missed between two pieces
	buf := m.box.scratch.get(&m.box.scratch.body, overlap+scanPiece)
	clear(buf[:overlap])
	for off, total := m.size, m.raw.Size(); off < total; {
		n, err := readAt(m.raw, buf[overlap:overlap+int(min(scanPiece, total-off))], off)
		if n == 0 {
			return true, err // less than was promised: let the parser see
		}
		off += int64(n)
		piece := buf[overlap : overlap+n]
		lowerASCII(piece)
		if ascii && want.feed(piece) || !ascii && !isASCII(piece) || mayDecode(buf[:overlap+n]) {
			return true, nil
		}
		copy(buf, buf[n:n+overlap])
	}
	return false, nil
}

// mayDecode says whether lower-case octets name an encoding that hides text.
func mayDecode(b []byte) bool {
	for _, hint := range []string{"base64", "quoted-printable", "iso-2022", "utf-16"} {
		if bytes.Contains(b, []byte(hint)) {
			return true
		}
	}
	return false
}

// partHas looks into a part and those in it.
func (m *message) partHas(p *entity.Part, text string) (bool, error) {
	for _, part := range p.Parts {
		if ok, err := m.partHas(part, text); ok || err != nil {
			return ok, err
		}
	}
	if inner := p.Message; inner != nil {
		header := io.NewSectionReader(m.raw, inner.Start, inner.Body-inner.Start)
		if ok, err := contains(header, text, m.buffer()); ok || err != nil {
			return ok, err
		}
		return m.partHas(inner, text)
	}
	if len(p.Parts) > 0 || !p.Is("text", "") {
		return false, nil
	}
	r, ok := entity.Decode(p.Encoding, io.NewSectionReader(m.raw, p.Body, p.Size()))
	if !ok {
		return false, nil
	}
	return contains(entity.Text(p.Param("charset"), r), text, m.buffer())
}

// buffer is for one scan.
func (m *message) buffer() []byte { return m.box.scratch.get(&m.box.scratch.body, scanPiece) }

// contains looks for a folded text in UTF-8; buf is to read into.
func contains(r io.Reader, text string, buf []byte) (bool, error) {
	want := finder{needle: []byte(text)}
	ascii := isASCII(want.needle)
	var folded []byte
	for kept := 0; ; {
		n, err := r.Read(buf[kept:])
		piece := buf[:kept+n]
		if ascii {
			lowerASCII(piece)
			folded, kept = piece, 0
		} else {
			folded, kept = foldUTF8(folded[:0], piece, err != nil)
		}
		if want.feed(folded) {
			return true, nil
		}
		copy(buf, piece[len(piece)-kept:])
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// foldUTF8 appends b in lower case; the last octets stay when they are the beginning of a character.
func foldUTF8(out, b []byte, final bool) (folded []byte, kept int) {
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			c := b[0]
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			out, b = append(out, c), b[1:]
			continue
		}
		if !final && len(b) < utf8.UTFMax && !utf8.FullRune(b) {
			return out, len(b)
		}
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			r = rune(b[0]) // Latin-1, most likely
		}
		out, b = utf8.AppendRune(out, unicode.ToLower(r)), b[n:]
	}
	return out, 0
}

func lowerASCII(b []byte) {
	for i, c := range b {
		if c-'A' < 26 {
			b[i] = c + ('a' - 'A')
		}
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// finder finds a needle in a stream that comes in pieces.
type finder struct {
	needle []byte
	tail   []byte // the end of what came, one shorter than the needle at most
}

func (f *finder) feed(piece []byte) bool {
	if len(f.tail) > 0 {
		f.tail = append(f.tail, piece[:min(len(piece), len(f.needle)-1)]...)
		if bytes.Contains(f.tail, f.needle) {
			return true
		}
	}
	if bytes.Contains(piece, f.needle) {
		return true
	}
	keep := len(f.needle) - 1
	if len(piece) >= keep {
		f.tail = append(f.tail[:0], piece[len(piece)-keep:]...)
	} else if len(f.tail) == 0 {
		f.tail = append(f.tail, piece...)
	}
	if over := len(f.tail) - keep; over > 0 {
		f.tail = append(f.tail[:0], f.tail[over:]...)
	}
	return false
}
