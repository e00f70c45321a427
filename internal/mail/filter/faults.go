package filter

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Fault is something that is wrong with a header section (RFC 5322 sections 2.1.1, 2.2 and 3.6; RFC 2045).
type Fault struct {
	What  string // "Missing required header field"
	Where string // `"Date"`
	minor int    // amavis's number for its kind
}

func (f Fault) String() string { return f.What + ": " + f.Where }

// once are the fields that may be there once only.
var once = []string{"Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Message-ID", "References", "In-Reply-To",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-ID", "Content-Description", "Content-Disposition", "Auto-Submitted"}

const maxFaults = 100

// faults are those of a message's header, field by field, then what is missing or too much.
func (m *look) faults() (all []Fault) {
	for _, f := range m.fields {
		if fault, bad := f.fault(); bad && len(all) < maxFaults {
			all = append(all, fault)
		}
	}
	for _, name := range once {
		n := m.count(name)
		quoted := `"` + name + `"`
		switch {
		case n == 0 && (name == "Date" || name == "From"):
			all = append(all, Fault{"Missing required header field", quoted, 7})
		case n == 2:
			all = append(all, Fault{"Duplicate header field", quoted, 8})
		case n > 2:
			all = append(all, Fault{"Header field occurs more than once", fmt.Sprintf("%s occurs %d times", quoted, n), 8})
		}
	}
	return all
}

// fault is what is wrong with one field.
func (f field) fault() (Fault, bool) {
	at := func(what string, minor, from, n int) (Fault, bool) {
		if n > 0 && n <= 4 {
			what += fmt.Sprintf(" (char % X hex)", f.raw[from:from+n])
		}
		return Fault{what, around(f.raw, len(f.name), from, n), minor}, true
	}
	if f.name == "" || strings.HasPrefix(f.name, "--") {
		return Fault{"Invalid header field syntax", visible(shorten(f.raw, 50)), 6}, true
	}
	begin := 0
	for line := range bytes.SplitSeq(f.raw, []byte("\n")) {
		switch {
		case len(line) > 0 && len(bytes.Trim(line, " \t")) == 0:
			return at("Improper folded header field made up entirely of whitespace", 4, begin, len(line))
		case len(line) > 998:
			return Fault{"Header line longer than 998 characters", visible(shorten(line, 50)), 5}, true
		}
		begin += len(line) + 1
	}
	if i := bytes.IndexAny(f.raw, "\x00\r"); i >= 0 {
		return at("Improper use of control character", 3, i, 1)
	}
	if i := bytes.IndexFunc(f.raw, func(r rune) bool { return r >= 0x80 }); i >= 0 {
		if !utf8.Valid(f.raw) {
			return at("Non-encoded non-ASCII data (and not UTF-8)", 2, i, 1)
		}
		_, n := utf8.DecodeRune(f.raw[i:])
		return at("Non-encoded UTF-8 string in non-EAI mail", 2, i, n)
	}
	return Fault{}, false
}

// around shows a place of a field, and a little on either side of it.
func around(raw []byte, name, from, n int) string {
	before, mid, after := raw[:from], raw[from:from+n], bytes.TrimRight(raw[from+n:], "\n")
	if len(after) > 20 {
		after = append(bytes.Clone(after[:15]), "[...]"...)
	}
	if len(before)-name-2 > 50-len(after) {
		before = append(append(bytes.Clone(raw[:name]), ": ..."...), before[len(before)-(45-len(after)):]...)
	}
	return visible(bytes.Join([][]byte{before, mid, after}, nil))
}

func shorten(b []byte, limit int) []byte {
	if len(b) <= limit+5 {
		return b
	}
	return append(bytes.Clone(b[:limit]), "[...]"...)
}

// visible writes octets that are no printable ASCII as \x{E9}.
func visible(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		if c >= ' ' && c < 0x7f {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, `\x{%02X}`, c)
		}
	}
	return out.String()
}
