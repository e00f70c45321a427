//go:build linux

package mailproof

import (
	"regexp"
	"slices"
	"strings"
)

// ownSignature is a DKIM-Signature of bob's, as opendkim folds it and as the daemon does.
var ownSignature = regexp.MustCompile(`(DKIM-Signature:(?: .*d=bob\.lab; .*| a=rsa-sha256; bh=.*\n .*d=bob\.lab; .*)\n(?:[\t ].*\n)*)`)

// signed tells of a DKIM-Signature of bob's by its tags, without what no two have alike.
func signed(text string) string {
	return ownSignature.ReplaceAllStringFunc(text, func(field string) string {
		tags := strings.Split(strings.TrimSuffix(strings.Join(strings.Fields(strings.TrimPrefix(field, "DKIM-Signature:")), ""), ";"), ";")
		for i, tag := range tags {
			if strings.HasPrefix(tag, "t=") || strings.HasPrefix(tag, "b=") {
				tags[i] = tag[:2] + "X"
			}
		}
		slices.Sort(tags)
		return "DKIM-Signature: " + strings.Join(tags, "; ") + "\n"
	})
}

// uncounted is a log without the sizes of messages: where milters are asked, Postfix counts the room that it leaves in its queue file for
// what they add, and not what they add.
func uncounted(log string) string {
	return regexp.MustCompile(`size=\d+ without queue IDs`).ReplaceAllString(log, "size=")
}

// sentenced is what the daemon says otherwise on purpose: docs/senders.md has the same list.
func sentenced() []difference {
	const (
		junk  = "mail that its domain wants put aside goes into Junk; opendmarc leaves it to others"
		rfc   = "RFC 8601 has words for these; opendmarc calls them fail"
		temp  = "a name server that fails is temperror, and not a domain without a record"
		forge = "an Authentication-Results that claims to be this server's is taken out"
	)
	return []difference{
		{"dkim-.*", "mailboxes", `;\n\tdkim-atps=neutral`, "", "no ATPS (RFC 6541)"},
		{"dkim-expired", "mailboxes", `header\.a=rsa-sha1`, "header.a=rsa-sha256", "opendkim has not read the algorithm by then"},
		{"dkim-other-key", "log", `0200008A:rsa routines::invalid padding; error:02000072:rsa routines::padding check failed`, "02000068:rsa routines::bad signature",
			"which of OpenSSL's checks failed is OpenSSL's"},
		{"dkim-temp", "log", `unexpected reply class/type \(-1/-1\)`, "query failed", temp},
		{"dkim-temp", "mailboxes", `Received-SPF: `, "Authentication-Results: mx.bob.lab;\n\tdkim=temperror reason=\"key DNS query failed\" header.d=temp.lab header.i=@temp.lab " +
			"header.a=rsa-sha256 header.s=s1 header.b=hRLtXS8l\nReceived-SPF: ", temp},
		{"temperror", "", `Received-SPF: None`, "Received-SPF: Temperror", temp},
		{"temperror", "", `dmarc=none \(p=none dis=none\)`, "dmarc=temperror", temp},
		{"temperror", "log", `temp\.lab none`, "temp.lab temperror", temp},
		{"temperror", "", `(spf=|temp\.lab )fail`, "${1}temperror", rfc},
		{"permerror-.*", "", `(spf=|SPF\(.*\): \S+ )fail`, "${1}permerror", rfc},
		{"neutral", "", `(spf=|SPF\(.*\): \S+ )fail`, "${1}neutral", rfc},
		{"softfail", "", `(spf=|SPF\(.*\): \S+ )fail`, "${1}softfail", rfc},
		{"softfail|from-dave-quarantine", "mailboxes", `dis=none`, "dis=quarantine", junk},
		{"softfail|from-dave-quarantine", "mailboxes", `^bob ID1`, "Junk ID1", junk},
		{"softfail|from-dave-quarantine", "log", `delivered to mailbox`, "delivered to file: ~/mail/Junk", junk},
		{"two-addresses", "mailboxes", `Received-SPF: `, "Authentication-Results: mx.bob.lab; spf=pass smtp.mailfrom=alice.lab\nReceived-SPF: ",
			"opendmarc says nothing of a message whose authors it cannot tell; here SPF's result is told"},
		{"forged-ar", "log", `opendmarc: ID1 ignoring .*\n`, "", "opendmarc looks at others' results and drops them; here nobody looks"},
		{"forged-ar", "mailboxes", `Authentication-Results: mx\.bob\.lab; spf=pass smtp\.mailfrom=gina\.lab;.*\n`, "", forge},
	}
}
