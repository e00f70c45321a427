package queue

import (
	"net/netip"
	"strings"

	"maillab/internal/mail/addrspec"
)

// splitAddress parts an address at its last @. An address without one, or one that is a quoted string as a whole, has
// no domain.
func splitAddress(address string) (local, domain string) {
	i := strings.LastIndexByte(address, '@')
	if i < 0 || strings.HasSuffix(address, `"`) {
		return address, ""
	}
	return address[:i], address[i+1:]
}

// complete gives an address as people and programs write it its canonical form: what addrspec does with one of SMTP's, and
// a local part in quotes is taken as it is. What says no domain, as user@ and user%, gets ours: the empty one does not count.
// The null sender stays null.
func complete(address, myDomain string) string {
	if address == "" {
		return ""
	}
	if strings.HasPrefix(address, `"`) {
		address = strings.TrimRight(address, "@.")
		if _, domain := splitAddress(address); domain == "" {
			address += "@" + myDomain
		}
		return address
	}
	for {
		local := strings.TrimRight(address, "@")
		full := addrspec.Complete(local, myDomain)
		switch {
		case full == "":
			return local + "@" + myDomain
		case !strings.HasSuffix(full, "@"):
			return full
		}
		address = full
	}
}

// percentHack parts user%host at its last %; without one the domain is empty.
func percentHack(local string) (user, host string) {
	i := strings.LastIndexByte(local, '%')
	if i <= 0 || i == len(local)-1 || strings.HasPrefix(local, `"`) {
		return local, ""
	}
	return local[:i], local[i+1:]
}

// unquote gives the local part that a quoted string stands for (RFC 5321 section 4.1.2); others stay as they are.
func unquote(local string) string {
	if len(local) < 2 || local[0] != '"' || local[len(local)-1] != '"' {
		return local
	}
	var b strings.Builder
	inner := local[1 : len(local)-1]
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}

// literal reads the domain [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321 section 4.1.3).
func literal(domain string) (netip.Addr, bool) {
	inner, ok := strings.CutPrefix(domain, "[")
	if !ok {
		return netip.Addr{}, false
	}
	inner, ok = strings.CutSuffix(inner, "]")
	if !ok {
		return netip.Addr{}, false
	}
	if len(inner) > 5 && strings.EqualFold(inner[:5], "IPv6:") {
		inner = inner[5:]
	}
	addr, err := netip.ParseAddr(inner)
	return addr, err == nil
}

func lower(s string) string { return strings.ToLower(s) }

// base is a local part without its extension: util1 of util1+tag (Postfix's recipient_delimiter, as Debian sets it).
func base(local string) string {
	if i := strings.IndexByte(local, '+'); i > 0 {
		return local[:i]
	}
	return local
}
