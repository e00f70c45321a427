package dialogue

import "strings"

// Refuses tells whether a reply line says no: RFC 5321 section 4.2.1, RFC 1939 section 3, RFC 3501 section 7.1.
func Refuses(service, line string) bool {
	switch service {
	case "smtp":
		return strings.HasPrefix(line, "4") || strings.HasPrefix(line, "5")
	case "pop3":
		return strings.HasPrefix(line, "-ERR")
	}
	tag, word, _ := strings.Cut(line, " ")
	return tag != "+" && (strings.HasPrefix(word, "NO ") || strings.HasPrefix(word, "BAD "))
}
