package filter

import (
	"net/mail"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// rule is a test with its name and score.
type rule struct {
	test  string
	score float64
	meets func(*look) bool
}

// What a filter can be tried with, harmless both: GTUBE for spam, EICAR's file for viruses.
const (
	gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
	eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
)

// rules are by name, as they are told. Scores are those that SpamAssassin has for a server with look-ups and a classifier
// (its fourth set); of those that changed, MIME_HEADER_CTYPE_ONLY, RP_MATCHES_RCVD and TVD_RCVD_SINGLE are as version 3.3 had
// them.
var rules = sync.OnceValue(func() []rule {
	all := append(headerRules(), senderRules()...)
	slices.SortFunc(all, func(a, b rule) int { return strings.Compare(a.test, b.test) })
	return all
})

func headerRules() []rule {
	html := matching("Content-Type", `(?i)^text/html\b`)
	return []rule{
		{"ALL_TRUSTED", -1, fromInside},
		{"DATE_IN_FUTURE_03_06", 3.027, shifted(3, 6)},
		{"DATE_IN_FUTURE_06_12", 1.947, shifted(6, 12)},
		{"DATE_IN_FUTURE_12_24", 3.199, shifted(12, 24)},
		{"DATE_IN_FUTURE_24_48", 2.048, shifted(24, 48)},
		{"DATE_IN_FUTURE_48_96", 2.181, shifted(48, 96)},
		{"DATE_IN_PAST_03_06", 1.592, shifted(-6, -3)},
		{"DATE_IN_PAST_06_12", 1.543, shifted(-12, -6)},
		{"DATE_IN_PAST_12_24", 1.049, shifted(-24, -12)},
		{"DATE_IN_PAST_24_48", 1.34, shifted(-48, -24)},
		{"DATE_IN_PAST_96_XX", 3.405, shifted(-1e6, -96)},
		{"EMPTY_MESSAGE", 2.32, (*look).empty},
		{"FROM_NO_USER", 0.798, matching("From", `^@|<@| @[^)<]*$|<>`)},
		{"GTUBE", 1000, func(l *look) bool { return l.meets(gtube) }},
		{"HTML_MESSAGE", 0.001, html},
		{"INVALID_DATE", 1.096, unlike("Date", validDate)},
		{"INVALID_MSGID", 0.568, unlike("Message-ID", `^<[^<>\s]+@[^<>\s]+>$`)},
		{"MIME_HEADER_CTYPE_ONLY", 0.717, typeAlone},
		{"MIME_HTML_ONLY", 0.1, html},
		{"MISSING_DATE", 1.36, lacks("Date")},
		{"MISSING_FROM", 1, lacks("From")},
		{"MISSING_HEADERS", 1.021, func(l *look) bool { to, _ := l.get("To"); return to == "" }},
		{"MISSING_MID", 0.497, lacks("Message-ID")},
		{"MISSING_SUBJECT", 1.799, lacks("Subject")},
		{"MSGID_SHORT", 0.001, matching("Message-ID", `^.{1,15}$|<.{0,4}@`)},
		{"NO_RELAYS", -0.001, func(l *look) bool { return l.Client == "" }},
		{"RP_MATCHES_RCVD", -0.245, fromOwnDomain},
		{"SUBJ_ALL_CAPS", 0.5, capitals},
		{"TVD_RCVD_SINGLE", 2.172, oneWord},
		{"T_TVD_MIME_NO_HEADERS", 0.01, (*look).bareParts},
	}
}

// validDate is RFC 5322's, as generously as it is read.
const validDate = `^(?i:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),\s)?\s*(?:[12]\d|3[01]|0?[1-9])\s+(?i:Jan|Feb|Ma[ry]|Apr|Ju[nl]|Aug|Sep|Oct|Nov|Dec)` +
	`\s+(?:19[7-9]\d|2\d{3})\s+(?:[01]?\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60))?(?:\s+[AP]M)?(?:\s+(?:[+-]\d{4}|UT|[A-Z]{2,3}T|0000 GMT|"GMT"))?(?:\s*\(.*\))?\s*$`

// oneWord is a HELO of capitals alone, as the server's own Received has it.
func oneWord(l *look) bool {
	rest, there := strings.CutPrefix(l.received.value, "from ")
	helo, _, _ := strings.Cut(rest, " ")
	return there && helo != "" && !strings.ContainsFunc(helo, func(r rune) bool {
		return r == '.' || r == '-' || unicode.IsDigit(r) || unicode.IsLower(r)
	})
}

func lacks(name string) func(*look) bool { return func(l *look) bool { return !l.has(name) } }

// matching looks at a field's value.
func matching(name, pattern string) func(*look) bool {
	re := regexp.MustCompile(pattern)
	return func(l *look) bool {
		value, there := l.get(name)
		return there && re.MatchString(value)
	}
}

// unlike looks at a field that is there for what matching does not find.
func unlike(name, pattern string) func(*look) bool {
	like := matching(name, pattern)
	return func(l *look) bool { return l.has(name) && !like(l) }
}

// fromInside tells whether the client is of the server's own networks: this machine, or private addresses (RFC 1918, 4193).
func fromInside(l *look) bool {
	a, err := netip.ParseAddr(l.Client)
	return err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast())
}

// typeAlone is a Content-Type without the fields that belong to it (RFC 2045 section 4).
func typeAlone(l *look) bool {
	kind, there := l.get("Content-Type")
	return there && !strings.HasPrefix(strings.ToLower(kind), "text/plain") &&
		!l.has("MIME-Version") && !l.has("Content-Transfer-Encoding") && !l.has("Content-Disposition")
}

// shifted tells whether the Date is so many hours from when the message came.
func shifted(from, to float64) func(*look) bool {
	return func(l *look) bool {
		value, there := l.get("Date")
		date, err := mail.ParseDate(value)
		if !there || err != nil {
			return false
		}
		hours := date.Sub(l.At).Round(time.Second).Hours()
		return hours >= from && hours < to
	}
}

// fromOwnDomain tells whether the client's name is in the domain of the sender.
func fromOwnDomain(l *look) bool {
	_, domain, _ := strings.Cut(strings.ToLower(l.Sender), "@")
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return false
	}
	domain = strings.Join(labels[len(labels)-2:], ".")
	name := strings.ToLower(l.ClientName)
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// capitals tells whether a subject of several words has no other letters.
func capitals(l *look) bool {
	subject, _ := l.get("Subject")
	if len(subject) < 10 || !strings.ContainsAny(subject, " \t") {
		return false
	}
	letters := false
	for _, r := range subject {
		if r < unicode.MaxASCII && unicode.IsLetter(r) {
			if unicode.IsLower(r) {
				return false
			}
			letters = true
		}
	}
	return letters
}
