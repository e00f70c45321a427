package certificate

import (
	"net/netip"
	"slices"
	"strings"
)

// Names are hosts as a certificate has them, each once: addresses in their canonical form and without a zone, names in lower
// case. An address that means every address cannot be in one, nor a name that is not ASCII: DNS has that as xn--…
func Names(hosts ...string) (names []string) {
	for _, host := range hosts {
		if name := nameOf(host); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func nameOf(host string) string {
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.IsUnspecified():
		return ""
	case err == nil:
		return ip.Unmap().WithZone("").String()
	case strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }):
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
