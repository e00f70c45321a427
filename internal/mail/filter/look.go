package filter

import (
	"bytes"
	"mime"
	"slices"
	"strings"

	"maillab/internal/mail/imap/entity"
)

// look is a message as the rules look at it.
type look struct {
	Message
	said     []field // what this server found out of the sender
	received field   // this server's own
	fields   []field // those that came
	body     []byte

	spf     map[string]bool // what was found of an identity: "smtp.mailfrom=pass"
	signed  []signature
	authors []string // the domains in From
}

// field is one of a header; its name is "" where it has none that is valid, which is one of ASCII.
type field struct {
	name, value string // value is unfolded, without blanks at its ends
	raw         []byte // all of it, without its last end of line
}

// read takes a message apart. The first Received is the server's own, and what stands above it.
func read(m Message) *look {
	l, end := &look{Message: m}, 0
	for f := range entity.Fields(m.Text) {
		one := field{raw: bytes.TrimSuffix(f.Raw, []byte("\n"))}
		if strings.IndexFunc(f.Name, func(r rune) bool { return r >= 0x7f }) < 0 {
			one.name, one.value = f.Name, f.Text()
		}
		l.fields = append(l.fields, one)
		end += len(f.Raw)
	}
	l.body = bytes.TrimPrefix(m.Text[end:], []byte("\n"))
	if len(l.fields) > 0 {
		own := max(0, slices.IndexFunc(l.fields, func(f field) bool { return f.name == "Received" }))
		l.said, l.received, l.fields = l.fields[:own], l.fields[own], l.fields[own+1:]
	}
	l.judge()
	return l
}

// get is the value of the first field of a name.
func (l *look) get(name string) (value string, there bool) {
	for _, f := range l.fields {
		if strings.EqualFold(f.name, name) {
			return f.value, true
		}
	}
	return "", false
}

func (l *look) has(name string) bool { return l.count(name) > 0 }

func (l *look) count(name string) (n int) {
	for _, f := range l.fields {
		if strings.EqualFold(f.name, name) {
			n++
		}
	}
	return n
}

// meets tells whether the body has a text.
func (l *look) meets(text string) bool { return bytes.Contains(l.body, []byte(text)) }

// boundary is what separates the message's parts, "" where it has none.
func (l *look) boundary() string {
	value, _ := l.get("Content-Type")
	kind, params, err := mime.ParseMediaType(value)
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return ""
	}
	return params["boundary"]
}

// bareParts tells whether a part begins with something that is no header field.
func (l *look) bareParts() bool {
	boundary := l.boundary()
	if boundary == "" {
		return false
	}
	open := false
	for _, line := range bytes.Split(l.body, []byte("\n")) {
		if open && fieldStart(line) == 0 {
			return true
		}
		open = string(bytes.TrimRight(line, " \t")) == "--"+boundary
	}
	return false
}

// fieldStart is the length of the name that a header line begins with.
func fieldStart(line []byte) int {
	n := bytes.IndexByte(line, ':')
	if n < 0 || bytes.IndexFunc(line[:n], func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
		return 0
	}
	return n
}

// empty tells whether there is nothing to read: no text that is more than blanks, and no file.
func (l *look) empty() bool {
	value, _ := l.get("Content-Type")
	return len(bytes.TrimSpace(l.body)) == 0 && (value == "" || strings.HasPrefix(strings.ToLower(value), "text/"))
}
