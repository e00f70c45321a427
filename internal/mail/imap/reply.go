package imap

import (
	"fmt"
	"strings"
)

// reply is the tagged end of a command.
type reply struct {
	status string // OK, NO, BAD; "" when the command has answered already
	code   string // response code without brackets, or ""
	text   string
	bad    bool // the client got it wrong: counted
}

func ok(text string) reply           { return reply{status: "OK", text: text} }
func okCode(code, t string) reply    { return reply{status: "OK", code: code, text: t} }
func no(code, text string) reply     { return reply{status: "NO", code: code, text: text} }
func wrong(s, text string) reply     { return reply{status: s, text: text, bad: true} }
func (r reply) coded(c string) reply { r.code = c; return r }

func (r reply) write(w *writer) {
	w.str(r.status)
	w.byte(' ')
	if r.code != "" {
		w.str("[" + r.code + "] ")
	}
	w.str(strings.Map(printable, r.text)) // it may have in it what the client sent
	w.crlf()
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

func summary(n int64) string { return fmt.Sprintf("[%d octets]", n) }
