package recording

import (
	"regexp"
	"strings"
	"sync"
)

// mask leaves passwords out that mail protocols echo in clear: it looks at what the line on the screen says so far. (What a
// password prompt does not echo never is in the output.) It errs on the side of leaving out.
type mask struct {
	line   strings.Builder // what the line shows, without escape sequences
	escape bool            // within one
	next   bool            // all of the next line is secret: the server asked for it in base64
}

// secretBegins is how a line begins after which a secret is typed: POP3's PASS, IMAP's LOGIN with its user, SASL's first
// answer in SMTP, POP3 and IMAP.
var secretBegins = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^|\s)(PASS\s+|\S+\s+LOGIN\s+("[^"]*"|[^\s"]\S*)\s+|AUTH\s+(PLAIN|LOGIN)\s+|AUTHENTICATE\s+(PLAIN|LOGIN)\s+)$`)
})

// asksForSecret is a server's question for the next piece of a login (RFC 4954, RFC 1734, RFC 3501 section 6.2.2).
var asksForSecret = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(334( .*)?|\+ ?(VXNl|UGFz)?\S*)$`)
})

const longestLine = 1000

// apply returns what may be kept of what a terminal was sent.
func (m *mask) apply(text string) string {
	var out strings.Builder
	for _, r := range text {
		out.WriteRune(m.rune(r))
	}
	return out.String()
}

func (m *mask) rune(r rune) rune {
	switch {
	case m.escape:
		m.escape = r == '[' || r < '@' || r > '~'
		return r
	case r == 0x1b:
		m.escape = true
		return r
	case r == '\n':
		m.next = asksForSecret().MatchString(strings.TrimRight(m.line.String(), "\r "))
		m.line.Reset()
		return r
	case r < ' ' || m.line.Len() > longestLine:
		return r
	}
	before := m.line.String()
	if r == ' ' { // what is typed next may be secret; the blank is not
		m.line.WriteRune(r)
		return r
	}
	if m.next || secretBegins().MatchString(before) {
		return '*' // and the line stays as it was: all that follows is secret, too
	}
	m.line.WriteRune(r)
	return r
}
