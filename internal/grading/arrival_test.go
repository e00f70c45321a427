package grading

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/epoch"
	"maillab/internal/lab/task"
	"maillab/internal/spec"
)

// TestIdleCostsNothing: what came before Run is weighed, what is written to the log is weighed then, and nothing else has it
// look at anything.
func TestIdleCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		epochs, err := epoch.Open(at("epoch.json"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		dialogues, err := dialogue.Open(dialogue.Config{Dir: at("dialogues"), Now: time.Now, Slog: slog.New(slog.DiscardHandler), Ended: func(string) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer dialogues.Close()
		var looks atomic.Int32
		logged := make(chan struct{}, 1)
		g, err := New(Config{Spec: spec.Sandbox{}, StateDir: dir, LogFile: at("mail.log"), Epochs: epochs, Dialogues: dialogues, Logged: logged,
			FlushLog: func(context.Context) error { looks.Add(1); return nil }, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		g.sheets = []task.Sheet{{Student: "alice", Accounts: []string{"util1"}}}
		f, err := newFolder(g.sheets[0])
		if err != nil {
			t.Fatal(err)
		}
		g.arrived.folders = []*folder{f}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); g.Run(ctx) }()
		time.Sleep(time.Hour) // the bubble's: it passes when nobody has anything to do
		settled := looks.Load()
		if settled < 1 || settled > 3 {
			t.Errorf("%d looks at the start", settled)
		}
		time.Sleep(time.Hour)
		if n := looks.Load(); n != settled {
			t.Errorf("%d looks in an idle hour", n-settled)
		}
		if err := os.WriteFile(at("mail.log"), []byte("a line\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		logged <- struct{}{}
		time.Sleep(2 * gather)
		cancel()
		<-ended
		if g.arrived.log.at != int64(len("a line\n")) {
			t.Errorf("the log is read to %d", g.arrived.log.at)
		}
	})
}
