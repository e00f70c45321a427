package maild

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/smtp"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/mail"
	"maillab/internal/mail/queue"
	"maillab/internal/progress"
	"maillab/internal/script"
	"maillab/internal/worksheet"
)

// class gives the accounts of a daemon tasks: util1 and util2 are alice's, util3 is bruno's.
func class(c *Config) {
	for i := range c.Spec.Accounts {
		c.Spec.Accounts[i].Student = map[string]string{"util1": "alice", "util2": "alice", "util3": "bruno"}[c.Spec.Accounts[i].Name]
	}
	asks(c, sheets()...)
}

// asks gives a daemon's students these tasks.
func asks(c *Config, sheets ...task.Sheet) {
	text, err := json.Marshal(sheets)
	if err != nil {
		panic(err) // plain data
	}
	c.Spec.Tasks = text
}

func sheets() []task.Sheet {
	yes := 0
	tasks := []task.Task{
		{ID: "sent", Points: 2, Check: task.Check{Mail: &task.Mail{To: "util1", Via: "smtp", Header: map[string]task.Pattern{"Subject": "x"}}}},
		{ID: "logged", Needs: []string{"sent"}, Check: task.Check{Log: &task.Log{Lines: []task.Pattern{"client=", "to=<util1@test>.*status=sent"}, SameMessage: true}}},
		{ID: "id", Check: task.Check{Answer: &task.Answer{Log: `local\[\d+\]: ([0-9A-Za-z]+): to=<util1@test>`}}},
		{ID: "read", Check: task.Check{Dialogue: &task.Dialogue{Service: "pop3", Account: "util1", Commands: []task.Pattern{"(?i)^retr", "(?i)^quit"}}}},
		{ID: "empty", Check: task.Check{Mailbox: &task.Mailbox{Of: "util1", Folder: "INBOX", Messages: task.Count{Set: true}}}},
		{ID: "script", Check: task.Check{Run: &task.Run{Script: "compte.sh", Stdin: "util1\n", Seconds: 5, Exit: &yes,
			Mail:   []task.Message{{To: "util1@test", Subject: "one {run}"}, {To: "util1@test", Subject: "two {run}"}},
			Output: []task.Pattern{`\b{messages} messages, {run}`},
			After:  &task.Check{Mail: &task.Mail{To: "util2", Via: "smtp", Header: map[string]task.Pattern{"Subject": "from the script {run}"}}}}}},
		{ID: "essay", Check: task.Check{Manual: &task.Manual{}}},
	}
	return []task.Sheet{{Student: "alice", Accounts: []string{"util1", "util2"}, Tasks: tasks},
		{Student: "bruno", Accounts: []string{"util3"}, Tasks: []task.Task{{ID: "sent", Check: task.Check{Mail: &task.Mail{To: "util3", Via: "smtp"}}}}}}
}

// states are a student's results by task.
func states(t *testing.T, d *Daemon, r control.CheckRequest) map[string]progress.State {
	t.Helper()
	checked, err := d.grading.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]progress.State{}
	for _, one := range checked[0].Results {
		found[one.ID] = one.State
	}
	return found
}

func alice(tasks ...string) control.CheckRequest {
	return control.CheckRequest{Students: []string{"alice"}, Tasks: tasks}
}

// pop plays a POP3 dialogue.
func pop(t *testing.T, b *sandboxed, user string, lines ...string) {
	t.Helper()
	conn, err := net.Dial("tcp", b.addresses["pop3"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text := strings.Join(append([]string{"user " + user, "pass secret"}, lines...), "\r\n") + "\r\n"
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
}

// dialoguesOf are a student's dialogues.
func dialoguesOf(t *testing.T, b *sandboxed, student string) (all []dialogue.Dialogue, err error) {
	t.Helper()
	err = b.grading.Records().Dialogues(t.Context(), student, func(d dialogue.Dialogue) error {
		all = append(all, d)
		return nil
	})
	return all, err
}

// TestPassStays: what was seen once counts for the epoch, whatever becomes of the mail, over a restart too; and not for
// the next epoch.
func TestPassStays(t *testing.T) {
	b := start(t, 3, class)
	if got := states(t, b.Daemon, alice()); got["sent"] != progress.Failed || got["logged"] != progress.Blocked || got["script"] != progress.Blocked {
		t.Errorf("before anything was done: %v", got)
	}
	if err := b.send("hello", "util1@test"); err != nil {
		t.Fatal(err)
	}
	pop(t, b, "util1", "retr 1", "dele 1", "dele 2", "quit")
	for _, id := range []string{"sent", "logged", "read", "empty"} {
		if got := states(t, b.Daemon, alice()); got[id] != progress.Passed {
			t.Errorf("%s, with its mail deleted: %v", id, got)
		}
	}
	if err := b.send("again", "util1@test"); err != nil {
		t.Fatal(err)
	}
	again, err := New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	if p := again.grading.Progress(); p[0].Passed != 4 {
		t.Errorf("after a restart: %+v", p)
	}
	if p := b.grading.Progress(); p[0] != (control.Progress{Student: "alice", Count: progress.Count{Passed: 4}, Total: 7}) {
		t.Errorf("%+v", p)
	}
	later := alice()
	later.Since = time.Now().Add(time.Hour)
	if got := states(t, b.Daemon, later); got["sent"] != progress.Failed {
		t.Errorf("since an hour from now: %v", got)
	}
	if err := b.newEpoch(); err != nil {
		t.Fatal(err)
	}
	if got := states(t, b.Daemon, alice()); got["sent"] != progress.Failed || got["read"] != progress.Failed || got["empty"] != progress.Failed {
		t.Errorf("in a new epoch: %v", got)
	}
}

// TestCame: who typed anything has done something, though nothing passed; whose dialogue nobody can tell has not.
func TestCame(t *testing.T) {
	b := start(t, 3, class)
	if err := b.send("hello", "util3@test"); err != nil { // without a login, on a server that several share
		t.Fatal(err)
	}
	states(t, b.Daemon, alice())
	if all := b.grading.Histories(nil); !all["alice"].Current().Came.IsZero() || !all["bruno"].Current().Came.IsZero() {
		t.Errorf("nobody logged in: %+v", all)
	}
	pop(t, b, "util1", "quit")
	all := b.grading.Histories(nil)
	for all["alice"].Current().Came.IsZero() { // a dialogue is weighed when it has ended
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
		states(t, b.Daemon, alice())
		all = b.grading.Histories(nil)
	}
	if all["alice"].Current().Empty() || !all["bruno"].Current().Came.IsZero() {
		t.Errorf("%+v", all)
	}
}

// TestStartAgain: on a server that others share, one student's reset takes nothing from the others.
func TestStartAgain(t *testing.T) {
	b := start(t, 3, class)
	if err := b.send("hello", "util1@test", "util3@test"); err != nil {
		t.Fatal(err)
	}
	bruno := control.CheckRequest{Students: []string{"bruno"}}
	if a, o := states(t, b.Daemon, alice()), states(t, b.Daemon, bruno); a["sent"] != progress.Passed || o["sent"] != progress.Passed {
		t.Fatalf("%v, %v", a, o)
	}
	if err := b.grading.StartAgain([]string{"util1", "util2"}); err != nil {
		t.Fatal(err)
	}
	if a, o := states(t, b.Daemon, alice()), states(t, b.Daemon, bruno); a["sent"] != progress.Failed || o["sent"] != progress.Passed {
		t.Errorf("after alice's reset: %v, %v", a, o)
	}
	if err := b.send("again", "util1@test"); err != nil {
		t.Fatal(err)
	}
	if a := states(t, b.Daemon, alice()); a["sent"] != progress.Passed {
		t.Errorf("done again: %v", a)
	}
	if err := b.grading.StartAgain([]string{"util1"}); err != nil { // half of alice is nobody
		t.Fatal(err)
	}
	if a := states(t, b.Daemon, alice()); a["sent"] != progress.Passed {
		t.Errorf("%v", a)
	}
}

// TestStartAgainShowsNothingOlder: what a student typed before his own reset is shown no more, and others' is.
func TestStartAgainShowsNothingOlder(t *testing.T) {
	b := start(t, 3, class)
	for _, user := range []string{"util1", "util3"} {
		pop := b.telnet("pop3")
		pop.say("USER "+user, "+OK")
		pop.say("PASS secret", "+OK")
		pop.say("QUIT", "+OK")
	}
	seen := func(student string) (n int) {
		t.Helper()
		err := b.grading.Records().Dialogues(t.Context(), student, func(dialogue.Dialogue) error {
			n++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if a, o := seen("alice"), seen("bruno"); a != 1 || o != 1 {
		t.Fatalf("%d dialogues of alice's, %d of bruno's", a, o)
	}
	if err := b.grading.StartAgain([]string{"util1", "util2"}); err != nil {
		t.Fatal(err)
	}
	if a, o := seen("alice"), seen("bruno"); a != 0 || o != 1 {
		t.Errorf("after alice's reset %d dialogues of hers, %d of bruno's", a, o)
	}
	all, err := b.grading.Records().Activity(t.Context())
	if err != nil || len(all) != 2 || all[0].Command != "" || all[1].Command == "" || !all[0].Started.After(all[1].Started) {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestForged: mail that names another sender, or comes through sendmail, is told from what went over port 25.
func TestForged(t *testing.T) {
	b := start(t, 3, class)
	e := &mail.Envelope{ID: b.queue.NewID(), UID: 1001, Protocol: queue.Submitted, Sender: mail.Address{Typed: "president@test"}, Arrived: time.Now(),
		Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util1"}}}}
	if err := (recordedQueue{b.queue, b.Daemon}).Accept(t.Context(), e, strings.NewReader("Subject: x\n\nforged\n")); err != nil {
		t.Fatal(err)
	}
	checked, err := b.grading.Check(t.Context(), alice("sent"))
	if err != nil || checked[0].Results[0].State != progress.Failed || !strings.Contains(checked[0].Results[0].Seen["en"], "by the mail command") {
		t.Errorf("%+v, %v", checked, err)
	}
}

// TestMarksAndAnswers: the teacher's word goes before everything and outlives the epoch; answers do not.
func TestMarksAndAnswers(t *testing.T) {
	b := start(t, 3, class)
	if err := b.send("hello", "util1@test"); err != nil {
		t.Fatal(err)
	}
	k := b.grading.Desk()
	if r, err := k.Answer(t.Context(), "alice", "id", "nonsense"); err != nil || r.State != progress.Failed {
		t.Errorf("%+v, %v", r, err)
	}
	messages := b.deliveries.List(1)
	if len(messages) != 1 {
		t.Fatal(messages)
	}
	if r, err := k.Answer(t.Context(), "alice", "id", messages[0].ID); err != nil || r.State != progress.Passed {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := k.Answer(t.Context(), "alice", "none", "x"); !errors.Is(err, worksheet.ErrNoTask) {
		t.Error(err)
	}
	half := progress.Mark{Share: 0.5, Comment: "and then?"}
	if before, err := b.grading.Mark(t.Context(), control.Mark{Student: "alice", Task: "essay", By: "prof", Mark: &half}); before != nil || err != nil {
		t.Fatal(before, err)
	}
	if got := states(t, b.Daemon, alice()); got["essay"] != progress.Passed || got["id"] != progress.Passed {
		t.Errorf("%v", got)
	}
	before, err := b.grading.Mark(t.Context(), control.Mark{Student: "alice", Task: "essay"})
	if err != nil || before == nil || before.Comment != half.Comment || before.By != "prof" || before.At.IsZero() {
		t.Fatalf("%+v, %v", before, err)
	}
	if got := states(t, b.Daemon, alice("essay")); got["essay"] != progress.Manual {
		t.Errorf("%v", got)
	}
	if _, err := b.grading.Mark(t.Context(), control.Mark{Student: "alice", Task: "essay", Mark: &half}); err != nil {
		t.Fatal(err)
	}
	if err := b.newEpoch(); err != nil {
		t.Fatal(err)
	}
	if got := states(t, b.Daemon, alice()); got["essay"] != progress.Manual || got["id"] != progress.Failed {
		t.Errorf("in the next epoch: %v", got)
	}
	for status, m := range map[int]control.Mark{404: {Student: "nobody", Task: "essay"}, 400: {Student: "alice", Task: "essay", Mark: &progress.Mark{Share: 7}}} {
		var told *control.Error
		if _, err := b.grading.Mark(t.Context(), m); !errors.As(err, &told) || told.Status != status {
			t.Errorf("%+v: %v", m, err)
		}
	}
	if _, err := b.grading.Mark(t.Context(), control.Mark{Student: "alice", Task: "none"}); err == nil {
		t.Error("a task that there is not was marked")
	}
}

// home is one student's, with a helper that plays the script itself.
type home struct {
	files map[string]string
	play  func(script.Request) script.Outcome
}

func (h *home) Read(_ context.Context, _, path string) (*os.File, error) {
	text, ok := h.files[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	f, err := os.CreateTemp("", "")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	if _, err = f.WriteString(text); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	return f, err
}

func (h *home) Script(context.Context, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		var r script.Request
		if json.NewDecoder(theirs).Decode(&r) == nil {
			_ = json.NewEncoder(theirs).Encode(h.play(r))
		}
	}()
	return ours, nil
}

// TestRun: a script finds its mail, what it did is looked at, and all that it left in the mailboxes is taken away.
func TestRun(t *testing.T) {
	house := &home{files: map[string]string{}}
	b := start(t, 3, class, func(c *Config) { c.Students = house })
	if err := b.send("hello", "util1@test"); err != nil {
		t.Fatal(err)
	}
	if got := states(t, b.Daemon, alice("script")); got["script"] != progress.Failed {
		t.Errorf("no script: %v", got)
	}
	run := ""
	honest := func(r script.Request) script.Outcome {
		box := b.box("util1")
		_, rest, _ := strings.Cut(box, "Subject: one ")
		run, _, _ = strings.Cut(rest, "\n")
		err := smtp.SendMail(b.addresses["smtp"], nil, "util1@test", []string{"util2@test"}, []byte("Subject: from the script "+run+"\r\n\r\n"))
		if err != nil {
			t.Error(err)
		}
		return script.Outcome{Output: "4 messages, " + run + "\r\n"}
	}
	house.files["compte.sh"] = ""
	house.play = func(r script.Request) script.Outcome { return script.Outcome{Output: "5 messages"} }
	checked, err := b.grading.Check(t.Context(), alice("script"))
	if err != nil || checked[0].Results[0].State != progress.Failed || !strings.Contains(checked[0].Results[0].Seen["en"], "that is not what is asked for, messages in the mailbox: 4") {
		t.Errorf("a wrong count: %+v, %v", checked, err)
	}
	house.play = honest
	quick := alice("script")
	quick.NoRuns = true
	if got := states(t, b.Daemon, quick); got["script"] != progress.Failed || run != "" {
		t.Errorf("in passing it is as it was found last, and not run: %v", got)
	}
	if checked, err = b.grading.Check(t.Context(), alice("script")); err != nil || checked[0].Results[0].State != progress.Passed {
		t.Errorf("an honest script: %+v, %v", checked, err)
	}
	if n := b.count("util1"); n != 2 || b.count("util2") != 0 || run == "" || strings.Contains(b.box("util1"), run) {
		t.Errorf("%d and %d messages are left, run %q", n, b.count("util2"), run)
	}
	if got := states(t, b.Daemon, control.CheckRequest{Students: []string{"bruno"}}); got["sent"] != progress.Failed {
		t.Errorf("bruno: %v", got)
	}
}

// TestRecords: what alice did is told of alice, with mail and deliveries, and nothing of bruno's.
func TestRecords(t *testing.T) {
	b := start(t, 3, class)
	if err := b.send("hello", "util1@test", "util3@test"); err != nil {
		t.Fatal(err)
	}
	if all, err := b.grading.Records().Activity(t.Context()); err != nil || all[0].Command != "" || all[1].Command != "" {
		t.Errorf("a dialogue without a login is somebody's: %+v, %v", all, err)
	}
	pop(t, b, "util3", "stat", "quit")
	pop(t, b, "util1", "list", "retr 99", "quit")
	all, err := dialoguesOf(t, b, "alice")
	if err != nil || len(all) != 2 || all[0].Service != "smtp" || !slices.Equal(all[1].Accounts, []string{"util1"}) {
		t.Errorf("%+v, %v", all, err)
	}
	activity, err := b.grading.Records().Activity(t.Context())
	if err != nil || activity[0].Command != "quit" || activity[0].Service != "pop3" || !strings.HasPrefix(activity[0].Error, "-ERR") || activity[1].Error != "" {
		t.Errorf("%+v, %v", activity, err)
	}
	alone := start(t, 3, class, func(c *Config) { asks(c, sheets()[0]) })
	for _, one := range []*sandboxed{alone, b} {
		if err := one.send("alone", "util1@test"); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := alone.grading.Records().Activity(t.Context()); err != nil || all[0].Service != "smtp" {
		t.Errorf("alone on the server, without a login: %+v, %v", all, err)
	}
	var archive bytes.Buffer
	if err := b.grading.Records().Bundle(t.Context(), "alice", &archive); err != nil {
		t.Fatal(err)
	}
	var names []string
	in := tar.NewReader(&archive)
	for h, err := in.Next(); err == nil; h, err = in.Next() {
		names = append(names, h.Name)
		text, _ := io.ReadAll(in)
		if strings.HasSuffix(h.Name, ".eml") && !bytes.Contains(text, []byte("hello")) && !bytes.Contains(text, []byte("alone")) {
			t.Errorf("%s: %s", h.Name, text)
		}
	}
	want := []string{"mail/util1/INBOX", "deliveries/ID-1-util1.eml", "deliveries/ID-1-util1.eml", "deliveries.json", "results.json"}
	for i := range names {
		if parts := strings.SplitN(names[i], "-", 2); strings.HasPrefix(names[i], "deliveries/") {
			names[i] = "deliveries/ID-" + parts[1]
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if _, err := dialoguesOf(t, b, "nobody"); err == nil {
		t.Error("nobody has dialogues")
	}
}

// TestDesk: the lab command's callers are known by their uid, and see no rule.
func TestDesk(t *testing.T) {
	b := start(t, 3, class, func(c *Config) {
		c.UID = func(account string) int { return map[string]int{"util1": 1001, "util3": 1003}[account] }
	})
	k := b.grading.Desk()
	if who, ok := k.Student(1003); !ok || who.Name != "bruno" {
		t.Error(who, ok)
	}
	for _, uid := range []int{0, 4711} {
		if who, ok := k.Student(uid); ok {
			t.Errorf("uid %d is %v", uid, who)
		}
	}
	tasks, results, err := k.Tasks("alice")
	if err != nil || len(tasks) != 7 || len(results) != 7 || results[0].State != "" {
		t.Error(len(tasks), results, err)
	}
}
