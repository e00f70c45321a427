//go:build linux

package mailproof

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// traces are what a server leaves behind: mail.log, and the mailboxes by user.
type traces struct {
	log   string
	boxes map[string]string
}

// trace is what one peer left, with all taken out that differs between any two runs: times, process numbers, queue IDs.
type trace struct{ log, mail string }

var (
	logLine  = regexp.MustCompile(`^\w{3} [ \d]\d [\d:]{8} \S+ (?:postfix/)?([\w-]+)\[\d+\]: (.*)$`)
	begun    = regexp.MustCompile(`^([0-9A-Za-z]{6,20}): client=`)
	started  = regexp.MustCompile(`(?:notification: |forwarded as )([0-9A-Za-z]{6,20})`)
	ownID    = regexp.MustCompile(`(?m)\bid ([0-9A-Za-z]{6,20})(?:;|$)`)
	variable = []struct {
		pattern *regexp.Regexp
		by      string
	}{
		{regexp.MustCompile(`delay=[\d.]+, delays=[\d./]+`), "delay=, delays="},
		{regexp.MustCompile(`\w{3}, [ \d]\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000 \(UTC\)`), "DATE"},
		{regexp.MustCompile(`(?m)^(From .*) \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}$`), "$1 DATE"},
		{regexp.MustCompile(`<\d{14}\.`), "<STAMP."},
		{regexp.MustCompile(`(ID\d+)\.\d+/`), "$1.TIME/"},
		{regexp.MustCompile(`queued as [0-9A-Za-z]+`), "queued as ID"},
	}
)

// settle takes out what is no server's own.
func settle(text string) string {
	for _, v := range variable {
		text = v.pattern.ReplaceAllString(text, v.by)
	}
	return text
}

// replies are answers in one text.
func replies(lines []string) string { return settle(strings.Join(lines, "\n")) }

// event is a line of mail.log.
type event struct{ process, text string }

func (tr traces) events() (all []event) {
	for line := range strings.Lines(tr.log) {
		if m := logLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			all = append(all, event{m[1], m[2]})
		}
	}
	return all
}

// from are a peer's lines of smtpd, and the queue IDs of all messages that they led to, in order.
func (tr traces) from(peer string) (lines, ids []string) {
	events := tr.events()
	for _, e := range events {
		if e.process == "smtpd" && strings.Contains(e.text, "["+peer+"]") || e.process == "policyd-spf" {
			lines = append(lines, e.text)
			if m := begun.FindStringSubmatch(e.text); m != nil {
				ids = append(ids, m[1])
			}
		}
	}
	for i := 0; i < len(ids); i++ {
		for _, e := range events {
			if m := started.FindStringSubmatch(e.text); m != nil && strings.HasPrefix(e.text, ids[i]+": ") {
				ids = append(ids, m[1])
			}
		}
	}
	return lines, ids
}

// settled tells that nothing more will come of some scenes.
func (tr traces) settled(scenes []*scene) bool {
	for _, sc := range scenes {
		lines, ids := tr.from(sc.peer)
		if len(lines) == 0 || !strings.HasPrefix(lines[len(lines)-1], "disconnect from ") {
			return false
		}
		for _, id := range ids {
			if strings.Contains(tr.log, " "+id+": from=") && !strings.Contains(tr.log, " "+id+": removed\n") {
				return false
			}
		}
	}
	return true
}

// order is that of a message's life. Postfix's processes write when they come to it.
var order = []string{"pickup", "cleanup", "opendkim", "opendmarc", "qmgr", "local", "smtp", "error", "bounce"}

// of is one peer's trace.
func (tr traces) of(peer string) trace {
	lines, ids := tr.from(peer)
	var out strings.Builder
	for _, line := range lines {
		fmt.Fprintln(&out, line)
	}
	events, mail := tr.events(), tr.mail(ids)
	for _, id := range ids {
		var life []event
		for _, e := range events {
			if e.process != "smtpd" && (strings.HasPrefix(e.text, id+": ") || strings.HasPrefix(e.text, id+" ") || strings.HasPrefix(e.text, "warning: "+id+": ")) {
				life = append(life, e)
			}
		}
		if len(life) == 1 && strings.Contains(life[0].text, "message-id=") {
			continue // never finished: whether Postfix names it hangs on its buffers
		}
		slices.SortStableFunc(life, func(a, b event) int {
			if c := cmp.Compare(stageOf(a), stageOf(b)); c != 0 || strings.HasPrefix(a.process, "open") {
				return c
			}
			return cmp.Compare(a.text, b.text)
		})
		for _, e := range life {
			fmt.Fprintf(&out, "%s: %s\n", e.process, withoutIDs(e.text, id, ids, mail))
		}
	}
	return trace{settle(named(out.String(), peer, ids)), settle(named(bodies(mail), peer, ids))}
}

func stageOf(e event) int {
	if strings.HasSuffix(e.text, ": removed") {
		return len(order)
	}
	return slices.Index(order, e.process)
}

// named gives queue IDs their number in the dialogue.
func named(text, peer string, ids []string) string {
	for i, id := range ids {
		text = strings.ReplaceAll(text, id, fmt.Sprintf("ID%d", i+1))
	}
	return strings.ReplaceAll(text, peer, "PEER")
}

// sized is the size= of a message.
var sized = regexp.MustCompile(`size=(\d+)`)

// withoutIDs takes the length of queue IDs out of a size: servers differ in it. Of a message that is in no mailbox it is
// not known how many it holds, and its size is not compared.
func withoutIDs(line, id string, ids []string, mail []copied) string {
	return sized.ReplaceAllStringFunc(line, func(text string) string {
		for _, m := range mail {
			if m.id == id {
				size, _ := strconv.Atoi(strings.TrimPrefix(text, "size="))
				for _, other := range ids {
					size -= strings.Count(m.text, other) * len(other)
				}
				return fmt.Sprintf("size=%d without queue IDs", size)
			}
		}
		return "size="
	})
}

// copied is a message in a mailbox.
type copied struct{ user, id, text string }

// mail finds the messages with some queue IDs: by ID, then by user.
func (tr traces) mail(ids []string) (all []copied) {
	for user, box := range tr.boxes {
		for i, text := range strings.Split(box, "\n\nFrom ") {
			if i > 0 {
				text = "From " + text
			}
			if m := ownID.FindStringSubmatch(text); m != nil && slices.Contains(ids, m[1]) {
				all = append(all, copied{user, m[1], strings.TrimRight(text, "\n") + "\n"})
			}
		}
	}
	slices.SortFunc(all, func(a, b copied) int {
		return cmp.Or(cmp.Compare(slices.Index(ids, a.id), slices.Index(ids, b.id)), cmp.Compare(a.user, b.user), cmp.Compare(settle(a.text), settle(b.text)))
	})
	return all
}

func bodies(mail []copied) string {
	var b strings.Builder
	for _, m := range mail {
		fmt.Fprintf(&b, "%s %s:\n%s\n", m.user, m.id, m.text)
	}
	return b.String()
}

// difference is one that is meant, and docs/mail.md says so.
type difference struct {
	in, what     string // dialogues whose name begins so, and what of them; "" is all
	theirs, ours string // pattern, and what stands in its place
	why          string
}

func deliberate() []difference {
	return []difference{
		{"10-etrn", "", `459 <.*>: service unavailable`, "250 Queuing started", "ETRN has everything tried that waits: a lesson's queue is small"},
		{"10-etrn", "log", `warning: reject: ETRN .* from unknown\[PEER\]\n`, "", "the same"},
		{"10-etrn", "log", `etrn=0/8 quit=1 commands=1/9`, "etrn=5/8 quit=1 commands=6/9", "the same"},
		{"", "log", `improper command pipelining after BDAT .*\n`, "", "a chunk may come with its command"},
		{"31c", "log", `(?s)sender delivery status notification: ID2(\nqmgr: ID1: removed\n).*`,
			"not sending trace/success notification for single-bounce message$1", "postmaster hears of what failed, not of what arrived"},
	}
}

// onPurpose is Postfix's text with what is different on purpose.
func onPurpose(t *testing.T, file, what, text string) string {
	t.Helper()
	for _, d := range deliberate() {
		if strings.HasPrefix(file, d.in) && (d.what == "" || d.what == what) {
			text = regexp.MustCompile(d.theirs).ReplaceAllString(text, d.ours)
		}
	}
	return text
}
