package mail

import (
	"bytes"
	"encoding/base64"
)

// PlainFlaw tells, for the record, how a response of SASL PLAIN that was made by hand went wrong: a word behind a blank, in
// brackets, or "". A response is NUL, user, NUL, password in base64 (RFC 4616 section 2); of what is in it nothing is told.
func PlainFlaw(response string) string {
	raw, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		return ""
	}
	inside, ended := bytes.CutSuffix(raw, []byte("\n"))
	switch {
	case ended: // as echo makes it
		return " (newline)"
	case bytes.ContainsFunc(inside, func(r rune) bool { return r > 0 && r < ' ' }): // printf '\020901201'
		return " (octal)"
	case bytes.Count(raw, []byte{0}) != 2:
		return " (NUL)"
	}
	return ""
}
