package standby

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/snapshot"
)

// TestNewestArchive: of a seat's archives the newest counts that is whole, of the seat's own student, and newer than what gateways keep.
func TestNewestArchive(t *testing.T) {
	store := snapshot.Store{Dir: t.TempDir()}
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for name, a := range map[string]struct {
		student string
		at      time.Time
	}{"old": {"alice", noon}, "good": {"alice", noon.Add(time.Hour)}, "others": {"bob", noon.Add(2 * time.Hour)}, "damaged": {"alice", noon.Add(3 * time.Hour)}} {
		kept(t, store, name, a.student, a.at)
	}
	file := filepath.Join(store.Dir, "damaged", "1.tar.zst")
	if err := os.Truncate(file, 20); err != nil {
		t.Fatal(err)
	}
	c, seats := Copies{Store: store}, []instance.Sandbox{{Seat: 1, Students: []string{"alice"}}}
	for _, test := range []struct {
		kept time.Time
		want string
	}{{time.Time{}, "good"}, {noon.Add(time.Minute), "good"}, {noon.Add(time.Hour), ""}, {noon.Add(24 * time.Hour), ""}} {
		got, err := c.of(seats, map[int]control.Kept{1: {Seat: 1, Time: test.kept}})
		if err != nil || got[1].snapshot != test.want {
			t.Errorf("gateways keep %s: %v, %v, want %q", test.kept, got, err, test.want)
		}
	}
}

// kept makes a snapshot with an archive of seat 1.
func kept(t *testing.T, store snapshot.Store, name, student string, at time.Time) {
	t.Helper()
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	if err := w.WriteHeader(&tar.Header{Name: "sandbox.json", Typeflag: tar.TypeReg, Size: 2, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte("{}"))
	_ = w.Close()
	draft, err := store.Begin(name)
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Abort()
	err = draft.Put(1, func(out io.Writer) error {
		_, err := snapshot.Write(out, snapshot.Manifest{Seat: 1, Students: []string{student}, Time: at}, &stream)
		return err
	})
	if err == nil {
		err = draft.Commit()
	}
	if err == nil {
		err = os.Chtimes(filepath.Join(store.Dir, name, "1.tar.zst"), at, at)
	}
	if err != nil {
		t.Fatal(err)
	}
}
