package syntax

import (
	"strconv"
	"strings"
)

// What a section asks for (RFC 3501, section 6.4.5).
type What uint8

// The kinds.
const (
	Whole What = iota
	HeaderOnly
	HeaderFields
	HeaderFieldsNot
	TextOnly
	MIMEHeader
)

// Section is what stands in the brackets of BODY[…].
type Section struct {
	Path   []uint32
	What   What
	Fields []string
	quoted []bool // the field's name was typed as a string
}

// maxPath is longer than any structure is deep.
const maxPath = 200

const (
	errSection = Error("Invalid BODY[..] section")
	errBracket = Error("Missing ']'")
)

// section takes […].
func section(p *Parser, binary bool) (s Section, err error) {
	p.Take('[')
	for p.Peek() >= '0' && p.Peek() <= '9' {
		n, err := p.Number()
		if err != nil || n == 0 || len(s.Path) >= maxPath {
			return s, errSection
		}
		s.Path = append(s.Path, n)
		if !p.Take('.') {
			return s, closeSection(p)
		}
	}
	if len(s.Path) == 0 && (p.Peek() == ']' || p.Peek() == 0) {
		return s, closeSection(p)
	}
	if binary {
		return s, errSection
	}
	switch word := strings.ToUpper(p.Run(func(c byte) bool { return IsAtom(c) && c != '[' })); word {
	case "HEADER":
		s.What = HeaderOnly
	case "TEXT":
		s.What = TextOnly
	case "MIME":
		if s.What = MIMEHeader; len(s.Path) == 0 {
			return s, errSection
		}
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		if s.What = HeaderFields; word == "HEADER.FIELDS.NOT" {
			s.What = HeaderFieldsNot
		}
		if err := s.names(p); err != nil {
			return s, err
		}
	default:
		return s, errSection
	}
	return s, closeSection(p)
}

func (s *Section) names(p *Parser) error {
	if p.Blanks(); p.Peek() == ']' {
		return errSection
	}
	err := p.List(func() error {
		if p.Peek() == ']' { // an astring may have one, but no field's name
			return errClose
		}
		atom := IsAtom(p.Peek())
		var name string
		var err error
		if atom {
			name = p.Run(IsAtom)
		} else {
			name, err = p.AString()
		}
		s.Fields, s.quoted = append(s.Fields, name), append(s.quoted, !atom)
		return err
	})
	if err == nil && len(s.Fields) == 0 {
		err = errSection
	}
	return err
}

func closeSection(p *Parser) error {
	switch p.Blanks(); {
	case p.Take(']'):
		return nil
	case p.AtEnd():
		return errBracket
	}
	return errSection
}

// label is the section as the response gives it back.
func (s Section) label(field func(name string, quoted bool) string) string {
	var parts []string
	for _, n := range s.Path {
		parts = append(parts, strconv.FormatUint(uint64(n), 10))
	}
	if s.What != Whole {
		parts = append(parts, [...]string{"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"}[s.What])
	}
	label := strings.Join(parts, ".")
	if len(s.Fields) == 0 {
		return label
	}
	var names []string
	for i, name := range s.Fields {
		names = append(names, field(name, s.quoted[i]))
	}
	return label + " (" + strings.Join(names, " ") + ")"
}
