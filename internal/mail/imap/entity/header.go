package entity

import (
	"bytes"
	"iter"
	"strings"
)

// Field is one header field.
type Field struct {
	Name  string // "" when the line has no colon
	Raw   []byte // with its continuation lines and line ends
	Value []byte // behind the colon, with its line ends
}

// Is compares names as RFC 5322 does.
func (f Field) Is(name string) bool { return strings.EqualFold(f.Name, name) }

// Text is the value on one line, without blanks around it.
func (f Field) Text() string { return Unfold(f.Value) }

// Fields takes a header apart, up to its empty line or its end.
func Fields(header []byte) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for len(header) > 0 {
			n := fieldLen(header)
			raw := header[:n]
			if len(bytes.TrimRight(raw, "\r\n")) == 0 {
				return
			}
			f := Field{Raw: raw}
			if colon := bytes.IndexByte(raw, ':'); colon > 0 && validName(bytes.TrimRight(raw[:colon], " \t")) {
				f.Name = string(bytes.TrimRight(raw[:colon], " \t"))
				f.Value = raw[colon+1:]
			}
			if !yield(f) {
				return
			}
			header = header[n:]
		}
	}
}

// fieldLen is the length of the field at the start of header, continuation lines included.
func fieldLen(header []byte) int {
	end := 0
	for {
		nl := bytes.IndexByte(header[end:], '\n')
		if nl < 0 {
			return len(header)
		}
		first := end == 0
		end += nl + 1
		if first && len(bytes.TrimRight(header[:end], "\r\n")) == 0 {
			return end
		}
		if end >= len(header) || header[end] != ' ' && header[end] != '\t' {
			return end
		}
	}
}

// validName: RFC 5322, section 3.6.8; octets over 127 pass, because they come.
func validName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(name) > 0
}

// Unfold puts a value on one line (RFC 5322, section 2.2.3); other control characters become blanks.
func Unfold(value []byte) string {
	value = bytes.TrimSpace(value)
	if bytes.IndexFunc(value, func(r rune) bool { return r < ' ' }) < 0 {
		return string(value)
	}
	out := make([]byte, 0, len(value))
	for _, c := range value {
		switch {
		case c == '\r' || c == '\n':
		case c < ' ':
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
