package maild

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/script"
)

// visitor is a connection from outside.
type visitor struct {
	net.Conn
	from net.Addr
}

func (v visitor) RemoteAddr() net.Addr { return v.from }
func (v visitor) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }

// visit says lines at once, from an address, and hears all answers.
func (b *sandboxed) visit(service, from string, lines ...string) {
	b.t.Helper()
	here, there := net.Pipe()
	go b.Serve(b.t.Context(), service, visitor{there, &net.TCPAddr{IP: net.ParseIP(from), Port: 40000}})
	go func() { _, _ = io.WriteString(here, strings.Join(lines, "\r\n")+"\r\n") }()
	if _, err := io.Copy(io.Discard, here); err != nil {
		b.t.Error(err)
	}
}

// flood does something many times, a few side by side.
func flood(n int, do func(i int)) {
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := part; i < n; i += 8 {
				do(i)
			}
		})
	}
	all.Wait()
}

// sharedClass has tasks that want a dialogue, a message and a line of the log of alice's.
func sharedClass(c *Config) {
	class(c)
	with := sheets()
	with[0].Tasks = []task.Task{
		{ID: "read", Check: task.Check{Dialogue: &task.Dialogue{Service: "pop3", Account: "util1", Commands: []task.Pattern{"(?i)^retr", "(?i)^quit"}}}},
		{ID: "sent", Check: task.Check{Mail: &task.Mail{To: "util1", From: "^util2@", Via: "smtp", By: "program"}}},
		{ID: "logged", Check: task.Check{Log: &task.Log{Lines: []task.Pattern{"from=<util2@test>", "to=<util1@test>.*status=sent"}, SameMessage: true}}},
		{ID: "id", Check: task.Check{Answer: &task.Answer{Log: `local\[\d+\]: ([0-9A-Za-z]+): to=<util1@test>`}}},
		{ID: "said", Check: task.Check{Answer: &task.Answer{Reply: `queued as ([0-9A-Za-z]+)`}}},
	}
	with[0].Shared, with[1].Shared = true, true
	asks(c, with...)
}

// passed waits until tasks of alice's have passed without anybody's check.
func (b *sandboxed) passed(n int) {
	b.t.Helper()
	b.wait(fmt.Sprint(n, " tasks judged when their evidence came"), func() bool { return b.grading.Progress()[0].Passed == n })
}

// TestJudgedWhenItComes: a pass is kept at once, without a check, and what comes afterwards hides nothing of what alice can
// still answer about: neither connections nor mail, from her own address or another's, nor a log that turns.
func TestJudgedWhenItComes(t *testing.T) {
	b := start(t, 3, sharedClass)
	b.visit("smtp", "192.0.2.7", "helo pv", "mail from:<util2@test>", "rcpt to:<util1@test>", "data", "Subject: x", "", "hello", ".", "quit")
	id := b.deliveries.List(1)[0].ID
	answer := id
	b.passed(2)
	b.visit("pop3", "192.0.2.7", "user util1", "pass secret", "retr 1", "quit")
	b.passed(3)
	big := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 256<<10/72)
	flood(160, func(i int) {
		b.visit("smtp", "192.0.2.7", "helo x", "mail from:<util3@test>", "rcpt to:<util3@test>", "data", "Subject: x", "", big+".", "quit")
	})
	flood(10_400, func(i int) { b.visit("smtp", "192.0.2.7", "helo x", "quit") })
	for _, m := range b.deliveries.List(1) {
		if m.ID == id {
			if text, cut, err := b.deliveries.Text(m.Copies[0]); err != nil || cut || !strings.Contains(string(text), "hello") {
				t.Errorf("alice's message: %q, %v, %v", text, cut, err)
			}
			id = ""
		}
	}
	if id != "" {
		t.Error("alice's message was pushed out")
	}
	all, err := dialoguesOf(t, b, "alice")
	if err != nil || !slices.ContainsFunc(all, func(d dialogue.Dialogue) bool { return d.Service == "pop3" && !d.Cut }) ||
		!slices.ContainsFunc(all, func(d dialogue.Dialogue) bool { return d.Service == "smtp" && len(d.Lines) > 10 && !d.Cut }) {
		t.Errorf("of alice's dialogues %d are left, %v", len(all), err)
	}
	for _, question := range []string{"id", "said"} {
		if r, err := b.grading.Desk().Answer(t.Context(), "alice", question, answer); err != nil || r.State != progress.Passed {
			t.Errorf("%s: %+v, %v", question, r, err)
		}
	}
	if got := states(t, b.Daemon, control.CheckRequest{Students: []string{"bruno"}}); got["sent"] != progress.Passed {
		t.Errorf("who made the flood has the mail: %v", got)
	}
}

// TestBoardWaitsForNoScript: while a script of alice's runs, and another check of hers waits for it, a look in passing is
// answered, with what came meanwhile in it.
func TestBoardWaitsForNoScript(t *testing.T) {
	began, end := make(chan struct{}, 2), make(chan struct{})
	house := &home{files: map[string]string{"compte.sh": ""}, play: func(script.Request) script.Outcome {
		began <- struct{}{}
		<-end
		return script.Outcome{}
	}}
	b := start(t, 3, class, func(c *Config) { c.Students = house })
	if err := b.send("hello", "util1@test"); err != nil {
		t.Fatal(err)
	}
	var scripts sync.WaitGroup
	for range 2 {
		scripts.Go(func() {
			if _, err := b.grading.Check(context.WithoutCancel(t.Context()), alice("script")); err != nil {
				t.Error(err)
			}
		})
	}
	<-began
	pop(t, b, "util1", "retr 1", "quit")
	got := states(t, b.Daemon, control.CheckRequest{NoRuns: true})
	if got["read"] != progress.Passed || got["sent"] != progress.Passed || got["script"] == progress.Passed {
		t.Errorf("while the script runs: %v", got)
	}
	close(end)
	scripts.Wait()
}

// TestTenMarksAtOnce keeps ten.
func TestTenMarksAtOnce(t *testing.T) {
	b := start(t, 3, func(c *Config) {
		class(c)
		s := task.Sheet{Student: "alice", Accounts: []string{"util1"}}
		for i := range 10 {
			s.Tasks = append(s.Tasks, task.Task{ID: fmt.Sprint("t", i), Points: 1, Check: task.Check{Manual: &task.Manual{}}})
		}
		asks(c, s)
	})
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if _, err := b.grading.Mark(t.Context(), control.Mark{Student: "alice", Task: fmt.Sprint("t", i), Mark: &progress.Mark{Share: 1}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	again, err := New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if p := again.grading.Progress(); p[0].Passed != 10 {
		t.Errorf("%+v", p)
	}
}

// BenchmarkCheck is a check of one student alone on a server with 10,000 dialogues, of twelve tasks that want dialogues.
func BenchmarkCheck(b *testing.B) {
	s := task.Sheet{Student: "alice", Accounts: []string{"util1"}}
	for i := range 12 {
		s.Tasks = append(s.Tasks, task.Task{ID: fmt.Sprint("t", i), Check: task.Check{Dialogue: &task.Dialogue{Service: "smtp", By: "hand",
			Commands: []task.Pattern{"(?i)^(helo|ehlo)", "(?i)^mail from:.*util1", "(?i)^rcpt to:", "(?i)^data"}, Not: []task.Pattern{"(?i)^vrfy"}}}})
	}
	d := start(b, 3, func(c *Config) { class(c); asks(c, s) })
	flood(10_000, func(i int) {
		r := d.dialogues.Begin("smtp", fmt.Sprintf("192.0.2.%d:1", i%250), "", 1)
		for _, line := range []string{"helo pv", "mail from:<util1@test>", "rcpt to:<util11@test>", "rset", "quit"} {
			r.Client(line)
			r.Server("250 2.1.0 Ok")
		}
		r.Close()
	})
	again, err := New(d.cfg) // which has looked at nothing yet
	if err != nil {
		b.Fatal(err)
	}
	defer again.Close()
	for name, one := range map[string]*Daemon{"first": again, "again": d.Daemon} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := one.grading.Check(b.Context(), alice()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestEvidenceOutlivesAFlood: who fills the record of dialogues, and the mailbox, keeps what has passed; what is left of the
// flood is whole, or says that it is not; and a neighbour's evidence is all there.
func TestEvidenceOutlivesAFlood(t *testing.T) {
	b := start(t, 3, sharedClass)
	for _, user := range []string{"util1", "util3"} {
		b.visit("smtp", "192.0.2.7", "helo pv", "mail from:<util2@test>", "rcpt to:<"+user+"@test>", "data", "Subject: to be kept", "", "x", ".", "quit")
	}
	b.passed(2)
	long := "helo " + strings.Repeat("x", 900)
	flood(300, func(i int) {
		b.visit("smtp", "192.0.2.7", slices.Concat(slices.Repeat([]string{long}, 60), []string{"quit"})...)
	})
	endless := b.dialogues.Begin("smtp", "192.0.2.8:1", "", 1)
	for range 200 {
		endless.Client(long)
	}
	endless.Close()
	whole, cut := 0, 0
	for _, found := range b.dialogues.List(dialogue.Filter{}) {
		d, err := b.dialogues.Read(found.ID)
		switch {
		case err != nil:
			t.Error(err)
		case d.Cut:
			cut++
		case d.End.IsZero() || len(d.Commands()) == 0 || d.Commands()[len(d.Commands())-1].Text != "quit":
			t.Errorf("%s is not whole, and does not say so: %d lines", d.ID, len(d.Lines))
		default:
			whole++
		}
	}
	if whole < 100 || cut != 1 {
		t.Errorf("%d dialogues are whole, and %d say that they are not", whole, cut)
	}
	if got := states(t, b.Daemon, alice()); got["sent"] != progress.Passed || got["logged"] != progress.Passed {
		t.Errorf("after the flood: %v", got)
	}
	if got := states(t, b.Daemon, control.CheckRequest{Students: []string{"bruno"}}); got["sent"] != progress.Passed {
		t.Errorf("the neighbour: %v", got)
	}
}
