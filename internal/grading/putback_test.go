package grading

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"maillab/internal/check"
	"maillab/internal/dialogue"
	"maillab/internal/epoch"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// judging is a Grading of one student, alice, with a record of dialogues in a folder.
func judging(t *testing.T) (g *Grading, dialogues string) {
	t.Helper()
	dir, now := t.TempDir(), time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)
	dialogues = filepath.Join(dir, "dialogues")
	epochs, err := epoch.Open(filepath.Join(dir, "epoch.json"), now)
	if err != nil {
		t.Fatal(err)
	}
	records, err := dialogue.Open(dialogue.Config{Dir: dialogues})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(records.Close)
	g, err = New(Config{StateDir: dir, LogFile: filepath.Join(dir, "mail.log"), FlushLog: func(context.Context) error { return nil },
		Epochs: epochs, Dialogues: records, Now: func() time.Time { return now.Add(time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	s := task.Sheet{Student: "alice", Accounts: []string{"util1"}}
	f, err := newFolder(s)
	if err != nil {
		t.Fatal(err)
	}
	g.sheets, g.arrived.folders = []task.Sheet{s}, []*folder{f}
	return g, dialogues
}

// TestPutBackWhileJudged: what a check finds that began before the student was put back to the start is not shown after it.
func TestPutBackWhileJudged(t *testing.T) {
	g, _ := judging(t)
	if err := g.weigh(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := []check.Result{{ID: "one", State: progress.Passed}}
	e := g.evidence()
	if err := g.StartAgain([]string{"util1"}); err != nil {
		t.Fatal(err)
	}
	if g.keep(e, "alice", found, false); len(g.arrived.folder("alice").latest) > 0 || len(g.ledger.work("alice").Passed) > 0 {
		t.Error("a pass of before is remembered")
	}
	if g.keep(g.evidence(), "alice", found, false); g.arrived.folder("alice").latest["one"].State != progress.Passed {
		t.Error("one of after is not")
	}
}

// TestCame: the first time counts, until the next epoch.
func TestCame(t *testing.T) {
	g, _ := judging(t)
	first := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{first, first.Add(time.Hour)} {
		if err := g.ledger.came("alice", at); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := openLedger(g.ledger.file, g.ledger.epoch)
	if err != nil {
		t.Fatal(err)
	}
	if came := kept.work("alice").Came; !came.Equal(first) {
		t.Errorf("came at %v", came)
	}
	if err := g.StartAgain([]string{"util1"}); err != nil {
		t.Fatal(err)
	}
	if all := g.ledger.history("alice"); len(all) != 2 || !all[0].Came.Equal(first) || !all[1].Came.IsZero() {
		t.Errorf("%+v", all)
	}
}

// TestUnreadable: a dialogue that cannot be read now is weighed when it can, and so are those that came after it.
func TestUnreadable(t *testing.T) {
	g, dialogues := judging(t)
	if err := g.weigh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := g.cfg.Dialogues.Begin("smtp", "192.0.2.1", "", g.cfg.Epochs.Current().Number)
		r.Client("HELO there")
		r.Close()
		g.Ended(r.ID())
	}
	g.cfg.Dialogues.Flush()
	away := dialogues + ".away"
	if err := os.Rename(dialogues, away); err != nil {
		t.Fatal(err)
	}
	if err := g.weigh(t.Context()); err == nil || len(g.arrived.pending) != 2 {
		t.Errorf("%v; %d wait", err, len(g.arrived.pending))
	}
	if err := os.Rename(away, dialogues); err != nil {
		t.Fatal(err)
	}
	if err := g.weigh(t.Context()); err != nil || len(g.arrived.pending) != 0 {
		t.Errorf("%v; %d wait", err, len(g.arrived.pending))
	}
}
