// Package addrspec writes e-mail addresses as others are to read them. Inside the daemon they are in internal form, without
// the quotes and backslashes of RFC 5321's quoted strings; headers, the log and the lines between messages want the
// external one.
package addrspec

import "strings"

// Quote puts the local part of an address between quotes if it needs them (RFC 5322 section 3.2.4), as Postfix does: an
// empty local part is "". What is quoted already stays, and so does the null sender.
func Quote(address string) string {
	i := strings.LastIndexByte(address, '@')
	if address == "" || strings.HasPrefix(address, `"`) || strings.HasSuffix(address, `"`) {
		return address
	}
	if i < 0 {
		i = len(address)
	}
	if IsDotAtom(address[:i]) {
		return address
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(address[:i]) + `"` + address[i:]
}

// IsDotAtom tells the local parts that need no quotes.
func IsDotAtom(local string) bool {
	if local == "" || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	return !strings.ContainsFunc(local, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`()<>[]:;@\,"`, r)
	})
}

// Complete makes a full address of an internal one, as Postfix's trivial-rewrite does with its default settings: a bare name
// gets the domain, host!user and user%host without @ are turned around, a source route and a dot at the end go. Case stays.
// The null sender stays null, and so does what comes to no more than an @. An address that has an @ keeps it, however
// broken: what is done once changes nothing when it is done again.
func Complete(address, domain string) string {
	address = stripRoute(address)
	switch {
	case address == "" || address == "@" || address == "!" || address == "%":
		return ""
	case strings.Contains(address, "@"):
	case strings.Contains(address, "!"):
		host, user, _ := strings.Cut(address, "!")
		address = user + "@" + host
	case strings.Contains(address, "%"):
		i := strings.LastIndexByte(address, '%')
		address = address[:i] + "@" + address[i+1:]
	default:
		address += "@" + domain
	}
	if strings.HasSuffix(address, ".") && !strings.HasSuffix(address, "..") && !strings.HasSuffix(address, "@.") {
		address = address[:len(address)-1]
	}
	return address
}

// stripRoute takes a source route off: @a,@b:user@host is user@host (RFC 5321 appendix C: it may be ignored).
func stripRoute(address string) string {
	if !strings.HasPrefix(address, "@") {
		return address
	}
	depth := 0
	for i, c := range address {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ':' && depth == 0:
			return address[i+1:]
		}
	}
	return address
}
