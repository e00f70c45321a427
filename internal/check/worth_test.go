package check

import (
	"math"
	"testing"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// typed is a dialogue in which each command was answered with a 250.
func typed(commands ...string) dialogue.Dialogue {
	d := dialogue.Dialogue{Service: "smtp"}
	for _, c := range commands {
		d.Lines = append(d.Lines, dialogue.Line{Kind: dialogue.Command, Text: c}, dialogue.Line{Kind: dialogue.Reply, Text: "250 2.1.0 Ok"})
	}
	return d
}

// TestScale: what has all of what is asked weighs 1, what has some of it less, and another protocol's nothing.
func TestScale(t *testing.T) {
	sheet := task.Sheet{Student: "alice", Accounts: []string{"util1"}, Tasks: []task.Task{{ID: "t", Check: task.Check{Dialogue: &task.Dialogue{
		Service: "smtp", Commands: []task.Pattern{"(?i)^helo", "(?i)^mail from:"}, Replies: []task.Pattern{"^250 "}, Not: []task.Pattern{"(?i)^vrfy"},
		Exchanges: []task.Exchange{{Command: "(?i)^rcpt to:", Reply: "^250 "}},
	}}}}}
	scale, err := NewScale(sheet)
	if err != nil {
		t.Fatal(err)
	}
	all := typed("helo pv", "mail from:<util1@test>", "rcpt to:<util2@test>")
	for _, test := range []struct {
		name string
		d    dialogue.Dialogue
		want float64
	}{
		{"all", all, 1},
		{"in another order", typed("mail from:<util1@test>", "helo pv", "rcpt to:<util2@test>"), 0.9*2/4 + 0.05},
		{"begun", typed("helo pv"), 0.9*2/4 + 0.05},
		{"what is forbidden with it", typed("helo pv", "mail from:<util1@test>", "rcpt to:<util2@test>", "vrfy util2"), 0.9 + 0.05},
		{"nothing said", typed(), 0.05},
		{"another protocol", dialogue.Dialogue{Service: "pop3"}, 0},
	} {
		if w := scale.Dialogue(test.d); !w.Mine || len(w.Near) != 1 || math.Abs(w.Near[0]-test.want) > 1e-9 {
			t.Errorf("%s: %+v, want %g", test.name, w, test.want)
		}
	}
	if w := scale.Dialogue(dialogue.Dialogue{Service: "smtp", Accounts: []string{"util9"}}); w.Mine || w.Near != nil {
		t.Errorf("another's: %+v", w)
	}
}

// TestScaleOfLines: what no task asks for has no weight, but for what ties two queue IDs behind a content filter.
func TestScaleOfLines(t *testing.T) {
	const (
		asked = "Nov 30 11:44:23 mx postfix/smtp[112]: 07BC90D5387: to=<b@bruno.lab>, relay=mx.bruno.lab[198.18.0.2]:25, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 09A770D5387)"
		ties  = "Nov 30 11:44:23 mx postfix/lmtp[119]: 0F3C60D5386: to=<b@bruno.lab>, relay=127.0.0.1[127.0.0.1]:10024, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 07BC90D5387)"
		other = "Nov 30 11:44:23 mx postfix/qmgr[100]: 0F3C60D5386: removed"
	)
	for _, c := range []struct {
		pattern            task.Pattern
		asked, ties, other bool
	}{{"relay=mx\\.", true, true, false}, {"", false, false, false}} {
		var one task.Task
		if c.pattern != "" {
			one.Check.Log = &task.Log{Lines: []task.Pattern{c.pattern}}
		}
		scale, err := NewScale(task.Sheet{Tasks: []task.Task{one}})
		if err != nil {
			t.Fatal(err)
		}
		if scale.Line(asked) != c.asked || scale.Line(ties) != c.ties || scale.Line(other) != c.other {
			t.Errorf("%q: %t, %t, %t", c.pattern, scale.Line(asked), scale.Line(ties), scale.Line(other))
		}
	}
}

// TestWeighingIsCheap: ten thousand dialogues are weighed after a restart, so nothing is made anew for each that could have
// been made once; a pattern that was parsed again took a hundred allocations.
func TestWeighingIsCheap(t *testing.T) {
	var s task.Sheet
	for range 12 {
		s.Tasks = append(s.Tasks, task.Task{Check: task.Check{Dialogue: &task.Dialogue{Service: "smtp",
			Commands: []task.Pattern{"(?i)^(helo|ehlo)", "(?i)^mail from:.*util1", "(?i)^rcpt to:", "(?i)^data"}}}})
	}
	scale, err := NewScale(s)
	if err != nil {
		t.Fatal(err)
	}
	d := typed("helo pv", "mail from:<util1@test>", "rcpt to:<util11@test>", "rset", "quit")
	if n := testing.AllocsPerRun(20, func() { scale.Dialogue(d) }); n > 120 {
		t.Errorf("%g allocations for one dialogue", n)
	}
}
