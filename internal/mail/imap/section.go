package imap

import (
	"bytes"
	"strings"

	"maillab/internal/mail/imap/entity"
)

// what a section asks for (RFC 3501, section 6.4.5).
type what uint8

const (
	whole what = iota
	headerOnly
	headerFields
	headerFieldsNot
	textOnly
	mimeHeader
)

// section is what stands in the brackets of BODY[…].
type section struct {
	path   []uint32
	what   what
	fields []string
	quoted []bool // the field's name was typed as a string
}

// maxPath is longer than any structure is deep.
const maxPath = 200

// section takes […].
func (p *parser) section(binary bool) (s section, err error) {
	if !p.take('[') {
		return s, errArguments
	}
	for p.peek() >= '0' && p.peek() <= '9' {
		n, err := p.number()
		if err != nil || len(s.path) >= maxPath {
			return s, errArguments
		}
		s.path = append(s.path, n)
		if !p.take('.') {
			return s, p.closeSection()
		}
	}
	if p.peek() == ']' && len(s.path) == 0 {
		return s, p.closeSection()
	}
	if binary {
		return s, errArguments
	}
	switch word := strings.ToUpper(p.run(func(c byte) bool { return isAtom(c) && c != '[' })); word {
	case "HEADER":
		s.what = headerOnly
	case "TEXT":
		s.what = textOnly
	case "MIME":
		if s.what = mimeHeader; len(s.path) == 0 {
			return s, errArguments
		}
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		if s.what = headerFields; word == "HEADER.FIELDS.NOT" {
			s.what = headerFieldsNot
		}
		if err := p.fieldNames(&s); err != nil {
			return s, err
		}
	default:
		return s, errArguments
	}
	return s, p.closeSection()
}

func (p *parser) fieldNames(s *section) error {
	p.blanks()
	err := p.list(func() error {
		atom := isAtom(p.peek())
		name, err := p.astring()
		s.fields, s.quoted = append(s.fields, name), append(s.quoted, !atom)
		return err
	})
	if err == nil && len(s.fields) == 0 {
		err = errArguments
	}
	return err
}

func (p *parser) closeSection() error {
	if p.blanks(); !p.take(']') {
		return errArguments
	}
	return nil
}

// label is the section as the response gives it back, in the words of w.
func (s section) label(w *words) string {
	var b []byte
	for i, n := range s.path {
		if i > 0 {
			b = append(b, '.')
		}
		b = appendUint(b, n)
	}
	word := [...]string{"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"}[s.what]
	if word != "" && len(b) > 0 {
		b = append(b, '.')
	}
	b = append(b, word...)
	for i, name := range s.fields {
		b = append(b, ' ')
		if i == 0 {
			b = append(b, '(')
		}
		if w.upperFields {
			name = strings.ToUpper(name)
		}
		if w.quoteFields || s.quoted[i] {
			name = `"` + strings.NewReplacer("\r", "", "\n", "", "\x00", "", `"`, `\"`, `\`, `\\`).Replace(name) + `"`
		}
		b = append(b, name...)
	}
	if len(s.fields) > 0 {
		b = append(b, ')')
	}
	return string(b)
}

// piece is a section's octets: a range of the message, or some that were put together.
type piece struct {
	off, n int64
	data   []byte
	made   bool // data counts
	header bool // for the statistics
}

func (p piece) size() int64 {
	if p.made {
		return int64(len(p.data))
	}
	return p.n
}

// cut takes the part from off on, at most n octets (RFC 3501, section 6.4.5: a partial fetch beyond the end is empty).
func (p piece) cut(off, n int64) piece {
	off = min(off, p.size())
	n = min(n, p.size()-off)
	if p.made {
		p.data = p.data[off : off+n]
		return p
	}
	p.off, p.n = p.off+off, n
	return p
}

// piece finds a section's octets; ok is false when the message has no such part.
func (m *message) piece(s section) (_ piece, ok bool, err error) {
	if len(s.path) > 0 {
		return m.partPiece(s)
	}
	if s.what == whole {
		return piece{n: m.raw.Size()}, true, nil
	}
	size, err := m.headerSize()
	if err != nil {
		return piece{}, false, err
	}
	switch s.what {
	case headerOnly:
		return piece{n: size, header: true}, true, nil
	case textOnly:
		return piece{off: size, n: m.raw.Size() - size}, true, nil
	}
	header, err := m.loadHeader()
	return fieldsPiece(header, s), true, err
}

func (m *message) partPiece(s section) (_ piece, ok bool, err error) {
	tree, err := m.structure()
	if err != nil {
		return piece{}, false, err
	}
	part := tree.Find(s.path)
	if part == nil {
		return piece{}, false, nil
	}
	switch s.what {
	case whole:
		return piece{off: part.Body, n: part.Size()}, true, nil
	case mimeHeader:
		return m.mimePiece(part)
	}
	inner := part.Message
	if inner == nil {
		return piece{}, false, nil
	}
	switch s.what {
	case headerOnly:
		return piece{off: inner.Start, n: inner.Body - inner.Start, header: true}, true, nil
	case textOnly:
		return piece{off: inner.Body, n: inner.Size()}, true, nil
	}
	header, err := readRange(m.raw, inner.Start, min(inner.Body-inner.Start, maxHeader))
	return fieldsPiece(header, s), true, err
}

// mimePiece is a part's own header. Of a message without parts, part 1 has the fields that concern MIME.
func (m *message) mimePiece(part *entity.Part) (piece, bool, error) {
	if !part.Root() {
		return piece{off: part.Start, n: part.Body - part.Start, header: true}, true, nil
	}
	header, err := readRange(m.raw, part.Start, min(part.Body-part.Start, maxHeader))
	var out bytes.Buffer
	for f := range entity.Fields(header) {
		name := strings.ToLower(f.Name)
		if strings.HasPrefix(name, "content-") || name == "mime-version" {
			out.Write(f.Raw)
		}
	}
	out.WriteString("\r\n")
	return piece{data: out.Bytes(), made: true, header: true}, true, err
}

// fieldsPiece takes some fields out of a header, in the header's order, with the empty line.
func fieldsPiece(header []byte, s section) piece {
	var out bytes.Buffer
	for f := range entity.Fields(header) {
		named := false
		for _, name := range s.fields {
			named = named || f.Is(name)
		}
		if named == (s.what == headerFields) {
			out.Write(f.Raw)
			if !bytes.HasSuffix(f.Raw, []byte("\n")) {
				out.WriteString("\r\n")
			}
		}
	}
	out.WriteString("\r\n")
	return piece{data: out.Bytes(), made: true, header: true}
}
