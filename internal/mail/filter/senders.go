package filter

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

// What this server found out of a sender stands above its own Received (RFC 7208 section 9, RFC 8601): nobody else can have written there.
// Where it judged nobody, no rule of these is met: SpamAssassin would ask the DNS itself.

// senderRules are by what was found of MAIL FROM, of HELO, and of signatures; with the scores of the fourth set.
func senderRules() []rule {
	return []rule{
		{"DKIM_INVALID", 0.1, func(l *look) bool { return len(l.signed) > 0 && !slices.ContainsFunc(l.signed, signature.holds) }},
		{"DKIM_SIGNED", 0.1, func(l *look) bool { return len(l.signed) > 0 }},
		{"DKIM_VALID", -0.1, func(l *look) bool { return slices.ContainsFunc(l.signed, signature.holds) }},
		{"DKIM_VALID_AU", -0.1, func(l *look) bool { return l.signedBy(l.authors...) }},
		{"DKIM_VALID_EF", -0.1, func(l *look) bool { return l.signedBy(domainOf(l.Sender)) }},
		{"SPF_FAIL", 0.001, spf("smtp.mailfrom", "fail")},
		{"SPF_HELO_FAIL", 0.001, spf("smtp.helo", "fail")},
		{"SPF_HELO_NEUTRAL", 0.112, spf("smtp.helo", "neutral")},
		{"SPF_HELO_NONE", 0.001, spf("smtp.helo", "none")},
		{"SPF_HELO_PASS", -0.001, spf("smtp.helo", "pass")},
		{"SPF_HELO_SOFTFAIL", 0.732, spf("smtp.helo", "softfail")},
		{"SPF_NEUTRAL", 0.779, spf("smtp.mailfrom", "neutral")},
		{"SPF_NONE", 0.001, spf("smtp.mailfrom", "none")},
		{"SPF_PASS", -0.001, spf("smtp.mailfrom", "pass")},
		{"SPF_SOFTFAIL", 0.665, spf("smtp.mailfrom", "softfail")},
		{"T_SPF_PERMERROR", 0.01, spf("smtp.mailfrom", "permerror")},
		{"T_SPF_TEMPERROR", 0.01, spf("smtp.mailfrom", "temperror")},
	}
}

// spf looks at what was found of an identity.
func spf(identity, result string) func(*look) bool {
	return func(l *look) bool { return l.spf[identity+"="+result] }
}

// signature is one that this server looked at.
type signature struct{ result, domain string }

func (s signature) holds() bool { return s.result == "pass" }

// Findings in Authentication-Results, and of HELO in Received-SPF, if that tells of it.
var (
	verified   = regexp.MustCompile(`\bdkim=([a-z]+)(?: reason="[^"]*")?(?: \([^)]*\))? header\.d=(\S+)`)
	authorized = regexp.MustCompile(` spf=([a-z]+) (smtp\.[a-z]+)=`)
	received   = regexp.MustCompile(`^([a-z]+) .* identity=helo;`)
)

// judge takes the findings down, once for all rules.
func (l *look) judge() {
	l.spf = map[string]bool{}
	for _, f := range l.said {
		switch told := strings.ToLower(f.value); {
		case strings.EqualFold(f.name, "Authentication-Results"):
			for _, m := range authorized.FindAllStringSubmatch(told, -1) {
				l.spf[m[2]+"="+m[1]] = true
			}
			for _, m := range verified.FindAllStringSubmatch(f.value, -1) {
				l.signed = append(l.signed, signature{m[1], strings.ToLower(m[2])})
			}
		case strings.EqualFold(f.name, "Received-SPF"):
			if m := received.FindStringSubmatch(told); m != nil {
				l.spf["smtp.helo="+m[1]] = true
			}
		}
	}
	value, _ := l.get("From")
	all, err := mail.ParseAddressList(value)
	for _, a := range all {
		if err == nil {
			l.authors = append(l.authors, domainOf(a.Address))
		}
	}
}

// signedBy tells whether a signature of one of some domains holds.
func (l *look) signedBy(domains ...string) bool {
	return slices.ContainsFunc(l.signed, func(s signature) bool { return s.holds() && slices.Contains(domains, s.domain) })
}

// domainOf is an address's, in small letters; "" of one that has none.
func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}
