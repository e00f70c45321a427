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
