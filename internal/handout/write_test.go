package handout

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWrite: every form lies in the folder, readable by its owner only, and no student's name leads out of it or hides a file.
func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sheets")
	c := Class{Instance: "monday", Sheets: []Sheet{{Student: "alice", Seat: 1}, {Student: "../up", Seat: 2}, {Student: "class", Seat: 3}}}
	if err := c.Write(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 && e.Name() != "known_hosts" {
			t.Errorf("%s: %v, %v", e.Name(), info, err)
		}
	}
	want := []string{"_.._up.html", "_.._up.md", "_class.html", "_class.md", "alice.html", "alice.md", "class.csv", "class.html", "known_hosts", "ssh_config"}
	slices.Sort(names)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}
