package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// deferred are the log lines of a message that waits for a server that does not answer.
func deferred(id, to string) []string {
	const at = "Mar 26 11:09:05 test6isri postfix/"
	return []string{at + "qmgr[1]: " + id + ": from=<util1@local.isri.fr>, size=300, nrcpt=1 (queue active)",
		at + "smtp[1]: " + id + ": to=<" + to + ">, relay=none, status=deferred (connect to mx[192.0.2.25]:25: Connection timed out)"}
}

// outside asks for a message to the outside, typed by hand, which waits.
func outside() task.Check {
	return task.Check{Message: []task.Check{
		{Dialogue: &task.Dialogue{Service: "smtp", By: "hand", Exchanges: []task.Exchange{{Command: "(?i)^rcpt to:.*@", Reply: "^250"}, {Command: "(?i)^data", Reply: "^354"}}}},
		{Log: &task.Log{Lines: []task.Pattern{"from=<", "status=deferred"}}},
		{Answer: &task.Answer{Log: `postfix/smtp\[\d+\]: ([0-9A-Za-z]+): to=<.*status=deferred`}},
	}}
}

// TestOneMessage: a dialogue, log lines and an answer count together when they are of one message only.
func TestOneMessage(t *testing.T) {
	to, mine, others := "moi@example.org", "4bXyz11", "4bXyz22"
	two := talk("smtp", hand, nil, "C: helo pv", "S: 250 x", "C: mail from: util1", "S: 250 Ok", "C: rcpt to: util11@x", "S: 250 Ok", "C: data", "S: 354 go", "D", "S: 250 2.0.0 Ok: queued as "+others,
		"C: mail from: util1", "S: 250 Ok", "C: rcpt to: <"+to+">", "S: 250 Ok", "C: data", "S: 354 go", "D", "S: 250 2.0.0 Ok: queued as "+mine, "C: quit", "S: 221 Bye")
	answer := func(text string) progress.Work { return progress.Work{Answers: map[string]string{"it": text}} }
	for name, c := range map[string]struct {
		world  world
		memory progress.Work
		state  progress.State
		seen   string
	}{
		"all of one":                       {world{talks: []dialogue.Dialogue{sent(mine, hand, to)}, lines: deferred(mine, to)}, answer("c'est " + mine + "."), progress.Passed, "mail.log, message 4bXyz11"},
		"the second message of a dialogue": {world{talks: []dialogue.Dialogue{two}, lines: append(deferred(mine, to), deferred(others, "x@y.org")...)}, answer(mine), progress.Passed, "mail.log, message 4bXyz11"},
		"a dialogue to somebody else, and the mail command": {world{talks: []dialogue.Dialogue{sent(mine, hand, "util11@x")}, lines: deferred(others, to)}, answer(others), progress.Failed,
			"none of your SMTP dialogues has sent message 4bXyz22"},
		"the answer of another message": {world{talks: []dialogue.Dialogue{sent(mine, hand, to)}, lines: append(deferred(mine, to), deferred(others, to)...)}, answer(others), progress.Failed,
			"the answer “4bXyz22” is not that of message 4bXyz11"},
		"all answers at once": {world{talks: []dialogue.Dialogue{sent(mine, hand, to)}, lines: append(deferred(mine, to), deferred(others, to)...)}, answer(mine + " " + others), progress.Failed, "is not that of message 4bXyz11, and of that alone"},
		"by a program":        {world{talks: []dialogue.Dialogue{sent(mine, program, to)}, lines: deferred(mine, to)}, answer(mine), progress.Failed, "it came from a program"},
		"no answer":           {world{talks: []dialogue.Dialogue{sent(mine, hand, to)}, lines: deferred(mine, to)}, progress.Work{}, progress.Failed, "no answer yet"},
		"nothing":             {world{}, progress.Work{}, progress.Failed, "no SMTP dialogue"},
	} {
		got := one(t, &c.world, outside(), c.memory)
		if got.State != c.state || !strings.Contains(got.Seen["en"], c.seen) {
			t.Errorf("%s: %s, %s\nwant %s, %s", name, got.State, got.Seen["en"], c.state, c.seen)
		}
	}
}

// TestOneMessageTwice: two mailboxes that each got a message have not got the same one.
func TestOneMessageTwice(t *testing.T) {
	same := task.Check{Message: []task.Check{{Mail: &task.Mail{To: "util1"}}, {Mail: &task.Mail{To: "util11"}}}}
	if got := one(t, &world{mails: []Mail{letter("A1", "util1", 1, "\n"), letter("B2", "util11", 1, "\n")}}, same, progress.Work{}); got.State != progress.Failed || !strings.Contains(got.Seen["en"], "message A1 has not arrived for util11") {
		t.Errorf("%s: %s", got.State, got.Seen["en"])
	}
	if got := one(t, &world{mails: []Mail{letter("A1", "util1", 2, "\n"), letter("A1", "util11", 2, "\n")}}, same, progress.Work{}); got.State != progress.Passed {
		t.Errorf("%s: %s", got.State, got.Seen["en"])
	}
}

func TestTransactions(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  []string
	}{
		"none queued": {[]string{"C: helo x", "C: mail from: a", "C: quit"}, []string{": helo x, mail from: a, quit"}},
		"two": {[]string{"C: helo x", "C: mail from: a", "C: rcpt to: b", "S: 250 queued as Q1", "C: noop", "C: mail from: c", "S: 250 queued as Q2", "C: quit"},
			[]string{"Q1: helo x, mail from: a, rcpt to: b, noop, quit", "Q2: helo x, noop, mail from: c, quit"}},
		"one given up":     {[]string{"C: mail from: a", "C: rcpt to: b", "C: rset", "C: mail from: c", "S: 250 queued as Q2"}, []string{"Q2: rset, mail from: c"}},
		"said by somebody": {[]string{"C: noop queued as Q9", "S: 250 queued as Q9"}, []string{": noop queued as Q9"}},
	} {
		var got []string
		for _, p := range transactions(talk("smtp", hand, nil, c.lines...)) {
			var commands []string
			for _, l := range p.Commands() {
				commands = append(commands, l.Text)
			}
			got = append(got, p.id+": "+strings.Join(commands, ", "))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestOthersOnASharedServer: where others use the server, too, a connection in which nobody logged in is the student's when
// it was made in the student's name, and another's is not shown.
func TestOthersOnASharedServer(t *testing.T) {
	named := func(lines ...string) dialogue.Dialogue {
		return talk("smtp", program, nil, append([]string{"C: EHLO laptop", "S: 250 x"}, lines...)...)
	}
	greets := task.Check{Dialogue: &task.Dialogue{Service: "smtp", Commands: []task.Pattern{"(?i)^ehlo"}}}
	for name, c := range map[string]struct {
		talk   dialogue.Dialogue
		shared bool
		want   progress.State
	}{
		"one's own":              {named("C: MAIL FROM:<util1@local.isri.fr> SIZE=300"), true, progress.Passed},
		"a second account":       {named("C: mail from : UTIL11"), true, progress.Passed},
		"a neighbour's":          {named("C: MAIL FROM:<util12@local.isri.fr>"), true, progress.Failed},
		"a longer name":          {named("C: MAIL FROM:<util1x@local.isri.fr>"), true, progress.Failed},
		"nobody's":               {named("C: QUIT"), true, progress.Failed},
		"nobody's, but alone":    {named("C: QUIT"), false, progress.Passed},
		"a neighbour who logged": {talk("smtp", hand, []string{"util12"}, "C: ehlo x", "C: mail from: util1"), true, progress.Failed},
	} {
		s := task.Sheet{Accounts: []string{"util1", "util11"}, Shared: c.shared, Tasks: []task.Task{{ID: "it", Check: greets}}}
		got := Evaluate(t.Context(), s, (&world{talks: []dialogue.Dialogue{c.talk}}).evidence(), progress.Work{})[0]
		if got.State != c.want || got.State == progress.Failed && got.Seen["en"] != "no SMTP dialogue" {
			t.Errorf("%s: %s, %s", name, got.State, got.Seen["en"])
		}
	}
	byHand := task.Check{Mail: &task.Mail{By: "hand", From: "^util1(@|$)"}}
	others := letter("A1", "util1", 1, "\n")
	others.From = "util12@local.isri.fr"
	s := task.Sheet{Accounts: []string{"util1"}, Shared: true, Tasks: []task.Task{{ID: "it", Check: byHand}}}
	theirs := named("C: MAIL FROM:<util12@local.isri.fr>", "S: 250 Ok", "C: DATA", "S: 354", "D", "S: 250 queued as A1")
	got := Evaluate(t.Context(), s, (&world{talks: []dialogue.Dialogue{theirs}, mails: []Mail{others}}).evidence(), progress.Work{})[0]
	if got.State != progress.Failed || strings.Contains(got.Seen["en"], "EHLO") || !slices.Contains([]string{"message A1 to util1, at 11:09:05, but its dialogue came from a program (not in your name), the envelope's sender, <util12@local.isri.fr>, is not the one asked for"}, got.Seen["en"]) {
		t.Errorf("%s: %s", got.State, got.Seen["en"])
	}
}
