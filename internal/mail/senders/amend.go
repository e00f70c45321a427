package senders

import (
	"slices"
	"strings"

	"maillab/internal/mail/imap/entity"
)

// Amend puts header fields in front of a message with LF line ends, and takes out what claims to be this server's
// Authentication-Results (RFC 8601 section 5). The text may be changed in place.
func Amend(text []byte, host string, head ...string) []byte {
	read, kept := 0, 0
	for f := range entity.Fields(text) {
		read += len(f.Raw)
		if !f.Is("Authentication-Results") || !strings.EqualFold(authority(f.Value), host) {
			kept += copy(text[kept:], f.Raw)
		}
	}
	kept += copy(text[kept:], text[read:])
	if len(head) == 0 {
		return text[:kept]
	}
	return slices.Insert(text[:kept], 0, []byte(strings.Join(head, "\n")+"\n")...)
}

// authority is who says an Authentication-Results: its first word that is no comment, perhaps in quotes.
func authority(value []byte) string {
	depth := 0
	word := strings.Map(func(r rune) rune {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0:
			return r
		}
		return ' '
	}, string(value[:min(len(value), 4096)]))
	first, _, _ := strings.Cut(word, ";")
	words := strings.Fields(first)
	if len(words) == 0 {
		return ""
	}
	return strings.Trim(words[0], `"`)
}
