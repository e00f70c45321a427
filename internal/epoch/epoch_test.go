package epoch

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestEpochs: an epoch survives a restart, and what is broken is said, not begun anew.
func TestEpochs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "epoch.json")
	start := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	e, err := Open(file, start)
	if err != nil || e.Current() != (Epoch{Number: 1, Start: start}) {
		t.Fatal(e, err)
	}
	second := Epoch{Number: 2, Start: start.Add(time.Hour), Log: 7}
	if err := e.Begin(second.Start, 7); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(file, start); err != nil || e.Current() != second {
		t.Fatal(e, err)
	}
	for _, text := range []string{"", "{}", `{"number":0,"log":3}`, `{"number":-1}`, "x"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(file, start); err == nil {
			t.Errorf("%q is an epoch", text)
		}
	}
}

// TestLogMoved: where the log of an epoch began is known after the log was renamed, too; the next one begins at its end.
func TestLogMoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "epoch.json")
	e, err := Open(file, time.Time{}.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	if err := e.Begin(now, 5); err != nil {
		t.Fatal(err)
	}
	if err := e.LogMoved(8); err != nil || e.Current() != (Epoch{Number: 2, Start: now, Log: -3}) {
		t.Errorf("%+v, %v", e.Current(), err)
	}
}

// TestEpochsThatAreNotKept: what cannot be written has not begun; the one before goes on counting.
func TestEpochsThatAreNotKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	e, err := Open(filepath.Join(dir, "epoch.json"), start)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func() error{
		"another": func() error { return e.Begin(start.Add(time.Hour), 9) }, "a moved log": func() error { return e.LogMoved(3) },
	} {
		if err := change(); err == nil || e.Current() != (Epoch{Number: 1, Start: start}) {
			t.Errorf("%s: %v, %+v", what, err, e.Current())
		}
	}
	if _, err := Open(filepath.Join(dir, "epoch.json"), start); err == nil {
		t.Error("the first has begun in a folder that is not there")
	}
}

// TestEpochsAtOnce: resets that come together are one epoch after the other, and the file has the last.
func TestEpochsAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "epoch.json")
	start := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	e, err := Open(file, start)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			if err := e.Begin(start.Add(time.Duration(n)*time.Second), int64(n)); err != nil {
				t.Error(err)
			}
			_ = e.Current()
		})
	}
	all.Wait()
	kept, err := Open(file, start)
	if err != nil || kept.Current() != e.Current() || e.Current().Number != 21 {
		t.Errorf("kept %+v, in force %+v, %v", kept.Current(), e.Current(), err)
	}
}

// TestLogMovedTwice: a log that is renamed again before the next reset lies further back.
func TestLogMovedTwice(t *testing.T) {
	e, err := Open(filepath.Join(t.TempDir(), "epoch.json"), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{10, 0, 7} {
		if err := e.LogMoved(size); err != nil {
			t.Fatal(err)
		}
	}
	if log := e.Current().Log; log != -17 {
		t.Errorf("%d", log)
	}
	if err := e.Begin(time.Time{}, 4); err != nil || e.Current().Log != 4 {
		t.Errorf("the next begins at %d, %v", e.Current().Log, err)
	}
}
