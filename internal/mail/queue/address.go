package queue

import (
	"net/netip"
	"strings"
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

// complete gives an address its canonical form, as Postfix's trivial-rewrite does with its default settings: no source
// route, host!user and user%host without a domain become user@host, a bare name gets the domain, a trailing dot goes.
// Case stays. The null sender stays null.
func complete(address, myDomain string) string {
	address = stripRoute(address)
	if address == "" {
		return ""
	}
	local, domain := splitAddress(address)
	if domain == "" && !strings.HasSuffix(address, "@") && !strings.HasPrefix(local, `"`) {
		if host, user, ok := strings.Cut(local, "!"); ok && host != "" && user != "" {
			local, domain = user, host
		} else {
			local, domain = percentHack(local)
		}
	}
	if domain = strings.TrimRight(domain, "."); domain == "" {
		domain = myDomain
	}
	return local + "@" + domain
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
