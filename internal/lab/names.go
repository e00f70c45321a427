package lab

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Letters that names are made of.
const (
	small  = "abcdefghijklmnopqrstuvwxyz"
	large  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// consistsOf says whether text has only letters of a set, and at least one.
func consistsOf(text, letters string) bool {
	return text != "" && strings.Trim(text, letters) == ""
}

// maxAccountName is what useradd and utmp take.
const maxAccountName = 32

// isAccount says whether a name can be a system account's and a local part: student numbers may start with a digit.
func isAccount(name string) bool {
	return len(name) <= maxAccountName && consistsOf(name, small+digits+"_.-") && !strings.ContainsRune(".-", rune(name[0]))
}

// isReserved says whether Debian, or the sandbox itself, has this account already.
func isReserved(name string) bool {
	return strings.HasPrefix(name, "systemd") || strings.HasPrefix(name, "_") || slices.Contains([]string{
		"root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data", "backup",
		"list", "irc", "gnats", "nobody", "messagebus", "sshd", "postfix", "maild", "maillab", "labinit", "mailer-daemon",
	}, name)
}

// isDomain says whether name is a host or domain name of RFC 1123 letters, not an address.
func isDomain(name string) bool {
	if len(name) > 253 || consistsOf(name, digits+".") {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 || !consistsOf(label, small+large+digits+"-") || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// dnsLabel makes text one label of a domain: small letters without their accents, digits, and a dash for all else.
func dnsLabel(text string) string {
	var label strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(text)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case strings.ContainsRune(small+digits, r):
			label.WriteRune(r)
		case !strings.HasSuffix(label.String(), "-"):
			label.WriteByte('-')
		}
	}
	return strings.Trim(label.String(), "-")
}

// isLocalPart says whether name can stand before the @ without quotes (RFC 5321 section 4.1.2, Dot-string).
func isLocalPart(name string) bool {
	if len(name) > 64 {
		return false
	}
	for atom := range strings.SplitSeq(name, ".") {
		if !consistsOf(atom, small+large+digits+"!#$%&'*+/=?^_`|~-") {
			return false
		}
	}
	return true
}

// splitAddress takes a full address apart.
func splitAddress(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", "", false
	}
	local, domain = address[:at], address[at+1:]
	return local, domain, isLocalPart(local) && isDomain(domain)
}

// isPort says whether text is a TCP port.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// isRelay says whether text is host or host:port.
func isRelay(text string) bool {
	host, port, given := strings.Cut(text, ":")
	_, err := netip.ParseAddr(host)
	return (err == nil || isDomain(host)) && (!given || isPort(port))
}

// splitLoopback takes a route's host:port apart; the host has to be the sandbox itself.
func splitLoopback(via string) (port string, ok bool) {
	host, port, _ := strings.Cut(via, ":")
	addr, err := netip.ParseAddr(host)
	return port, (host == "localhost" || err == nil && addr.Is4() && addr.IsLoopback()) && isPort(port)
}

// isLine says whether text fits into one line of a protocol's reply.
func isLine(text string) bool {
	return len(text) <= 200 && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
}

// takenPort names what listens on a port of every sandbox; "" is free.
func takenPort(port string) string {
	return map[string]string{"22": "ssh", "25": "smtp", "110": "pop3", "143": "imap"}[port]
}
