package scratch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"maillab/internal/filelock"
)

// among gives the test a folder for temporary files of its own.
func among(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	return dir
}

// abandon makes a folder as a killed command leaves it: with its lock's file, which nobody holds.
func abandon(t *testing.T, in string) string {
	t.Helper()
	dir := filepath.Join(in, temporaryPrefix+"killed")
	if err := os.MkdirAll(filepath.Join(dir, "instances", "monday"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func gone(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

// TestMake: a folder is in use until it is released, and then it is gone with all that is in it.
func TestMake(t *testing.T) {
	in := among(t)
	first, release, err := Make()
	if err != nil {
		t.Fatal(err)
	}
	second, releaseSecond, err := Make()
	if err != nil {
		t.Fatal(err)
	}
	if first == second || filepath.Dir(first) != in || !strings.HasPrefix(filepath.Base(first), temporaryPrefix) {
		t.Errorf("made %s and %s in %s", first, second, in)
	}
	if dirs := Abandoned(); len(dirs) > 0 {
		t.Errorf("in use, and taken for abandoned: %v", dirs)
	}
	if err := Remove(first); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(first); err != nil {
		t.Errorf("somebody else's folder is removed under it: %v", err)
	}
	if err := os.WriteFile(filepath.Join(first, "secret"), []byte("x"), 0o400); err != nil {
		t.Fatal(err)
	}
	release()
	gone(t, first)
	if _, err := os.Stat(second); err != nil {
		t.Error(err)
	}
	releaseSecond()
	gone(t, second)
}

// TestAbandoned: what killed commands left is found, and removed by whoever comes next; what has another's name, or no lock, is
// left alone.
func TestAbandoned(t *testing.T) {
	in := among(t)
	left := abandon(t, in)
	others := []string{filepath.Join(in, "maillab-other"), filepath.Join(in, temporaryPrefix+"begun")}
	for _, dir := range others {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if dirs := Abandoned(); !slices.Equal(dirs, []string{left}) {
		t.Errorf("abandoned: %v, want %s", dirs, left)
	}
	_, release, err := Make()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	gone(t, left)
	for _, dir := range others {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
}

// TestRemoveOfTaken: somebody took it between the look and the removal.
func TestRemoveOfTaken(t *testing.T) {
	dir := abandon(t, among(t))
	unlock, ok, err := filelock.Try(filepath.Join(dir, "lock"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "instances", "monday")); err != nil {
		t.Errorf("removed under who has it: %v", err)
	}
	unlock()
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	gone(t, dir)
}

// TestNoRoom: where nothing can be made that is said.
func TestNoRoom(t *testing.T) {
	missing := filepath.Join(among(t), "missing")
	t.Setenv("TMPDIR", missing)
	t.Setenv("TMP", missing)
	if dir, _, err := Make(); err == nil {
		t.Errorf("made %s", dir)
	}
}
