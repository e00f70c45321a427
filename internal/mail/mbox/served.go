package mbox

import (
	"bytes"
	"strings"
)

// hidden are the headers that mail readers keep their own notes in. They are never served and never digested, so that
// what others write there changes neither a message's bytes nor its UID.
var hidden = [...]string{"Status", "X-Status", "X-Keywords", "X-UID", "X-IMAPbase", "X-IMAP", "Content-Length"}

// hiddenName returns the canonical name of a hidden header that starts on this line, or "".
func hiddenName(line []byte) string {
	if len(line) == 0 || strings.IndexByte("sSxXcC", line[0]) < 0 {
		return ""
	}
	name, _, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) > 16 {
		return ""
	}
	for _, h := range hidden {
		if strings.EqualFold(h, string(bytes.TrimRight(name, " \t"))) {
			return h
		}
	}
	return ""
}

// served turns the lines of one message in the file into the lines that are served: mboxrd quoting undone, hidden
// headers left out. Scanning and serving both go through it, so a size that was counted is the size that is sent.
type served struct {
	body bool   // past the header
	name string // of the hidden header that we are in
}

// line returns what is served of a piece; keep is false for what is hidden.
func (s *served) line(p piece) (text []byte, keep bool) {
	if !p.begins {
		return p.text, s.name == ""
	}
	if !s.body {
		switch {
		case len(p.text) == 0 && p.ends:
			s.body, s.name = true, ""
		case len(p.text) > 0 && (p.text[0] == ' ' || p.text[0] == '\t'): // a folded line goes with its header
		default:
			s.name = hiddenName(p.text)
		}
	}
	if len(p.text) > 0 && p.text[0] == '>' && isQuotable(p.text) {
		return p.text[1:], s.name == ""
	}
	return p.text, s.name == ""
}
