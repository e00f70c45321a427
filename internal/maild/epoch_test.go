package maild

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
	e, err := openEpochs(file, start)
	if err != nil || e.current() != (Epoch{Number: 1, Start: start}) {
		t.Fatal(e, err)
	}
	second := Epoch{Number: 2, Start: start.Add(time.Hour), Log: 7}
	if err := e.set(second); err != nil {
		t.Fatal(err)
	}
	if e, err = openEpochs(file, start); err != nil || e.current() != second {
		t.Fatal(e, err)
	}
	for _, text := range []string{"", "{}", `{"number":0}`, "x"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openEpochs(file, start); err == nil {
			t.Errorf("%q is an epoch", text)
		}
	}
}
