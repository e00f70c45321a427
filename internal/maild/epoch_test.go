package maild

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// TestLinesOfAnEpoch: evidence from the log begins where the epoch did, also when that is in mail.log.1 by now.
func TestLinesOfAnEpoch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail.log")
	if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from int64
		want string
	}{{0, "one two"}, {4, "two"}, {8, ""}, {9, "one two"}, {-4, "two"}, {-8, "one two"}, {-9, "one two"}} {
		lines, err := linesOf(file, test.from)
		if got := strings.Join(lines, " "); err != nil || got != test.want {
			t.Errorf("from %d: %q, %v", test.from, got, err)
		}
	}
	e, err := openEpochs(filepath.Join(t.TempDir(), "epoch.json"), time.Time{})
	if err == nil {
		err = errors.Join(e.set(Epoch{Number: 2, Log: 5}), e.logMoved(8))
	}
	if err != nil || e.current() != (Epoch{Number: 2, Log: -3}) {
		t.Errorf("%+v, %v", e.current(), err)
	}
}
