package mbox

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestBetweenTwoRenames: root's mail saves by moving the mailbox away and another one into its place, with the dotlock.
// Who looks in between sees neither an empty mailbox nor, afterwards, other UIDs.
func TestBetweenTwoRenames(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	s, err := New(Config{Files: PlainFiles(dir), StateDir: filepath.Join(dir, "state"), Zone: time.UTC, LockWait: time.Nanosecond,
		Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	three(t, s, dir)
	m := open(t, s, "u", "")
	if _, err := m.Expunge(context.Background(), []uint32{2}); err != nil {
		t.Fatal(err)
	}
	before := m.Snapshot().Messages
	path := filepath.Join(dir, "spool", "u")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{path + ".lock": nil, path + ".new": text} {
		if err := os.WriteFile(name, content, 0o660); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute) // the name is looked at again
	look := func(when string) {
		t.Helper()
		if err := m.Refresh(context.Background()); err != nil {
			t.Fatal(when, err)
		}
		if diff := cmp.Diff(before, m.Snapshot().Messages); diff != "" {
			t.Errorf("%s: -before +now:\n%s", when, diff)
		}
	}
	look("in between")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path + ".away", path + ".lock"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	look("afterwards")
}
