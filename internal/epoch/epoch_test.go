package epoch

import (
	"os"
	"path/filepath"
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
