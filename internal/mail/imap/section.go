package imap

import (
	"bytes"
	"strings"

	"maillab/internal/mail/imap/entity"
	"maillab/internal/mail/imap/syntax"
)

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
func (m *message) piece(s syntax.Section) (_ piece, ok bool, err error) {
	if len(s.Path) > 0 {
		return m.partPiece(s)
	}
	if s.What == syntax.Whole {
		return piece{n: m.raw.Size()}, true, nil
	}
	size, err := m.headerSize()
	if err != nil {
		return piece{}, false, err
	}
	switch s.What {
	case syntax.HeaderOnly:
		return piece{n: size, header: true}, true, nil
	case syntax.TextOnly:
		return piece{off: size, n: m.raw.Size() - size}, true, nil
	}
	header, err := m.loadHeader()
	return fieldsPiece(header, s), true, err
}

func (m *message) partPiece(s syntax.Section) (_ piece, ok bool, err error) {
	tree, err := m.structure()
	if err != nil {
		return piece{}, false, err
	}
	part := tree.Find(s.Path)
	if part == nil {
		return piece{}, false, nil
	}
	switch s.What {
	case syntax.Whole:
		return piece{off: part.Body, n: part.Size()}, true, nil
	case syntax.MIMEHeader:
		return m.mimePiece(part)
	}
	inner := part.Message
	if inner == nil {
		return piece{}, false, nil
	}
	switch s.What {
	case syntax.HeaderOnly:
		return piece{off: inner.Start, n: inner.Body - inner.Start, header: true}, true, nil
	case syntax.TextOnly:
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
func fieldsPiece(header []byte, s syntax.Section) piece {
	var out bytes.Buffer
	for f := range entity.Fields(header) {
		named := false
		for _, name := range s.Fields {
			named = named || f.Is(name)
		}
		if named == (s.What == syntax.HeaderFields) {
			out.Write(f.Raw)
			if !bytes.HasSuffix(f.Raw, []byte("\n")) {
				out.WriteString("\r\n")
			}
		}
	}
	out.WriteString("\r\n")
	return piece{data: out.Bytes(), made: true, header: true}
}
