package smtp

import (
	"fmt"
	"strings"
)

// heloCommand is HELO (RFC 5321 section 4.1.1.1).
func (f *front) heloCommand(_ string, args []token) answer {
	if len(args) < 2 {
		return no("501 Syntax: HELO hostname")
	}
	return f.hello(args[1:], f.proto, "250 "+f.cfg.Hostname)
}

// ehloCommand is EHLO: HELO, with the list of what the server can do.
func (f *front) ehloCommand(_ string, args []token) answer {
	if len(args) < 2 {
		return no("501 Syntax: EHLO hostname")
	}
	rows := append([]string{f.cfg.Hostname}, f.capabilities()...)
	return f.hello(args[1:], "ESMTP", "250 "+strings.Join(rows, "\n250 "))
}

// capabilities lists what works and is on, in Postfix's order.
func (f *front) capabilities() []string {
	list := []string{"PIPELINING", fmt.Sprintf("SIZE %d", f.cfg.SizeLimit), "VRFY"}
	if _, ok := f.server.backend.(Flusher); ok {
		list = append(list, "ETRN")
	}
	if f.cfg.TLS != nil && !f.secure {
		list = append(list, "STARTTLS")
	}
	if f.cfg.Auth != AuthNone {
		list = append(list, "AUTH PLAIN LOGIN")
	}
	return append(list, "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING")
}

// hello starts the session anew under a name. A transaction that was open is gone, as with RSET.
func (f *front) hello(name []token, proto, text string) answer {
	var words []string
	for _, w := range name {
		words = append(words, w.text)
	}
	helo := neuter(strings.Join(words, " "))
	return answer{text: text, engine: "RSET", given: true, done: func() {
		f.helo, f.proto, f.tx = helo, proto, nil
	}}
}

// neuter replaces what would end the comment, or break the form, of a Received header.
func neuter(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(` <>()\";@`, r) {
			return '?'
		}
		return r
	}, printable(name, '?'))
}
