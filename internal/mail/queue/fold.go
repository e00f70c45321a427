package queue

import (
	"bytes"
	"io"
	"strings"
)

// lineLimit is how long a line may be for the next server, without its CRLF (RFC 5321 section 4.5.3.1.6; Postfix's
// smtp_line_length_limit).
const lineLimit = 998

// folder breaks lines that are too long for the next server, as Postfix does: behind lineLimit octets a line ends, and a blank
// begins the next. In a header that is a folded field.
type folder struct {
	w    io.Writer
	line int // octets of the line so far
}

var fold = []byte("\n ")

// Write implements io.Writer, for text with LF line ends.
func (f *folder) Write(p []byte) (n int, err error) {
	for n < len(p) {
		rest, ends := p[n:], false
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			rest, ends = rest[:end], true
		}
		if f.line == lineLimit && len(rest) > 0 {
			if _, err := f.w.Write(fold); err != nil {
				return n, err
			}
			f.line = 1
		}
		if room := lineLimit - f.line; len(rest) > room {
			rest, ends = rest[:room], false
		}
		f.line += len(rest)
		if ends {
			rest, f.line = p[n:n+len(rest)+1], 0
		}
		if _, err := f.w.Write(rest); err != nil {
			return n, err
		}
		n += len(rest)
	}
	return n, nil
}

// wrapAt is Postfix's line length in reports.
const wrapAt = 79

// wrap breaks a text at blanks into lines, all but the first indented.
func wrap(s string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(s) {
		switch {
		case i == 0:
		case column+1+len(word) > wrapAt:
			b.WriteString("\n    ")
			column = 4
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
