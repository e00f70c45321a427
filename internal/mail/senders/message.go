package senders

import (
	"bytes"
	"io"
	netmail "net/mail"
	"strings"

	"maillab/internal/mail/imap/entity"
)

// fields are those of a message with LF line ends, as many as are looked at, and where the header ends.
func fields(text []byte) (all []entity.Field, end int) {
	for f := range entity.Fields(text) {
		if end += len(f.Raw); len(all) < mostFields {
			all = append(all, f)
		}
	}
	return all, end
}

// valueOf is a field's value on one line; of one that is too long its first line's.
func valueOf(f entity.Field) string {
	if len(f.Raw) <= longestHeader {
		return f.Text()
	}
	first, _, _ := bytes.Cut(f.Value, []byte{'\n'})
	return entity.Unfold(first)
}

// named are the values of the fields with a name.
func named(all []entity.Field, name string) (values []string) {
	for _, f := range all {
		if f.Is(name) {
			values = append(values, valueOf(f))
		}
	}
	return values
}

// authors are the addresses in a From field; none where it cannot be read.
func authors(value string) (addresses []string) {
	if list, err := netmail.ParseAddressList(value); err == nil {
		for _, a := range list {
			addresses = append(addresses, a.Address)
		}
		return addresses
	}
	open := strings.LastIndexByte(value, '<')
	inner, _, closed := strings.Cut(value[open+1:], ">")
	if inner = strings.TrimSpace(inner); (closed || open < 0) && strings.Count(inner, "@") == 1 && !strings.ContainsAny(inner, " \t,;()") {
		addresses = append(addresses, inner)
	}
	return addresses
}

// crlf reads a text with CRLF line ends.
type crlf struct {
	text []byte
	half bool // a CR went out, its LF did not
}

func (r *crlf) Read(p []byte) (n int, err error) {
	for n < len(p) && len(r.text) > 0 {
		if r.half {
			p[n], r.text, r.half = '\n', r.text[1:], false
			n++
			continue
		}
		line := r.text
		i := bytes.IndexByte(line, '\n')
		if i >= 0 {
			line = line[:i]
		}
		took := copy(p[n:], line)
		r.text, n = r.text[took:], n+took
		if i == took && n < len(p) {
			p[n], r.half = '\r', true
			n++
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
