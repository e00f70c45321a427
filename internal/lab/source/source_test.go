package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"maillab/internal/lab"
	"maillab/labs"
)

// TestFind: a lab is found by its folder, its file and its name, and is found again from elsewhere.
func TestFind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	if err := labs.Copy("hello", dir); err != nil {
		t.Fatal(err)
	}
	for ref, lasting := range map[string]string{dir: dir, filepath.Join(dir, labs.File): filepath.Join(dir, labs.File), "hello": "hello"} {
		l, err := Find(ref)
		if err != nil {
			t.Fatal(err)
		}
		if parsed, err := l.Parse(); err != nil || parsed.Name != "hello" || l.Lasting() != lasting {
			t.Errorf("%s: %v, %s", ref, err, l.Lasting())
		}
		if _, err := l.Roster(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Find("nolab"); err == nil || !strings.Contains(err.Error(), "nor is there such a file or folder") {
		t.Error(err)
	}
}

// TestPlaced: what is wrong is told with the path that was given; another error stays what it is.
func TestPlaced(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, labs.File), []byte("nope: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{dir, filepath.Join(dir, labs.File)} {
		l, err := Find(ref)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Parse()
		var problems lab.Problems
		if !errors.As(err, &problems) || problems[0].File != filepath.Join(dir, labs.File) {
			t.Errorf("%s: %v", ref, err)
		}
		other := errors.New("other")
		if told, are := l.Placed(other); told != other || are {
			t.Error(told, are)
		}
	}
}

// TestOnBoard: every lab on board is listed with both titles.
func TestOnBoard(t *testing.T) {
	all, err := OnBoard()
	if err != nil || len(all) < 3 {
		t.Fatal(all, err)
	}
	for _, one := range all {
		if one.Name == "" || one.Title["fr"] == "" || one.Title["en"] == "" || one.Topology == "" {
			t.Errorf("%+v", one)
		}
	}
}
