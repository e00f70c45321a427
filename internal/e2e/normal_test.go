//go:build linux

package e2e

import (
	"regexp"
	"strings"
)

// normal takes out what varies between two runs of the same dialogue: queue IDs, dates, UIDs' validity, sizes that follow
// from a mailbox, host names, peers; and what is ours to choose, such as capability lists.
func normal(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{`UIDVALIDITY \d+`, `UIDVALIDITY …`},
		{`\b[0-9A-F]{10,12}\b`, `QUEUEID`},
		{`\d{14}\.QUEUEID`, `STAMP.QUEUEID`},
		{`(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [ \d]?\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4} \([A-Z]+\)`, `DATE`},
		{`(?m)^(From \S+  )\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$`, `${1}DATE`},
		{`(unknown|localhost) ?\[[\d.]+\]`, `CLIENT`},
		{`Received: from (unknown|localhost) `, `Received: from CLIENT `}, // who said no HELO
		{`test6isri\.local\.isri\.fr`, `local.isri.fr`},
		{`\{\d+\}`, `{…}`},
		{`\[CAPABILITY [^]]*\]`, `[CAPABILITY …]`},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return text
}

// loose is normal for log lines: times, numbers of processes, durations.
func loose(line string) string {
	line = regexp.MustCompile(`^\w{3} [ \d]\d \d\d:\d\d:\d\d `).ReplaceAllString(line, "")
	line = regexp.MustCompile(`\[\d+\]: `).ReplaceAllString(line, ": ")
	line = regexp.MustCompile(`size=\d+`).ReplaceAllString(line, "size=…")
	line = regexp.MustCompile(`delay=[\d.]+, delays=[\d./]+`).ReplaceAllString(line, "delay=…")
	return normal(line)
}

// messages splits a mailbox, for tests that know that no body line begins with From.
func messages(mailbox string) []string {
	var all []string
	for _, part := range strings.Split("\n"+mailbox, "\nFrom ") {
		if part != "" {
			all = append(all, "From "+part+"\n")
		}
	}
	return all
}
