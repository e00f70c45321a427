package snapshot

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestAbandoned: what a writer that was killed has left goes at the next look; what somebody is writing stays.
func TestAbandoned(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	draft, err := s.Begin("one")
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Abort()
	if err := draft.Put(1, func(w io.Writer) error { _, err := w.Write(make([]byte, 100)); return err }); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * abandonedAfter)
	left := func() int {
		t.Helper()
		if err := os.Chtimes(draft.dir, old, old); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if all, err := s.List(); err != nil || len(all) != 0 {
			t.Fatal(all, err)
		}
		found, _ := filepath.Glob(filepath.Join(s.Dir, asidePrefix+"*"))
		return len(found)
	}
	if left() != 2 { // with its lock
		t.Error("what is being written was taken away")
	}
	draft.release() // as the kernel does for who was killed
	if n := left(); n != 0 {
		t.Errorf("%d things are left of a writer that was killed", n)
	}
}
