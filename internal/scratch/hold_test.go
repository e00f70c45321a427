package scratch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestHold: a folder is one process's at a time, and stays.
func TestHold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	whole, release, err := Hold(dir)
	if err != nil || whole != dir {
		t.Fatal(whole, err)
	}
	if _, _, err := Hold(dir); !errors.Is(err, ErrHeld) {
		t.Error(err)
	}
	release()
	if _, release, err = Hold(dir); err != nil {
		t.Fatal(err)
	}
	release()
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
