package studio

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"maillab/internal/author"
	"maillab/internal/progress"
)

// TestLab: a folder that is not there, or has nothing in it, gets a lab that is sound and called after it; what is there stays.
func TestLab(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("empty/mail", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"empty/lab.yaml": " \n", "empty/mail/hello.eml": "Subject: mine\n\nmine\n", "mine.yaml": "name: mine\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for ref, name := range map[string]string{"new": "new", "empty": "empty", "Not a name": "my-lab"} {
		file, made, err := Lab(ref)
		if err != nil || !made || !filepath.IsAbs(file) {
			t.Fatal(ref, file, made, err)
		}
		l, err := Parsed(file)
		if err != nil || l.Name != name || Fit(l) != nil || len(l.Tasks) != 0 {
			t.Errorf("%s: %+v, %v", ref, l, err)
		}
		if _, again, err := Lab(ref); again || err != nil {
			t.Error(ref, again, err)
		}
	}
	if text, _ := os.ReadFile("empty/mail/hello.eml"); !strings.Contains(string(text), "mine") {
		t.Errorf("a message that was there is now %s", text)
	}
	if file, made, err := Lab("mine.yaml"); made || err != nil || filepath.Base(file) != "mine.yaml" {
		t.Error(file, made, err)
	}
	for ref, want := range map[string]string{"hello": "maillab labs copy hello", "": "which lab?"} {
		if _, _, err := Lab(ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// TestKeptOfNone: where there is no lab, none is made to find its tasks in.
func TestKeptOfNone(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, _, err := Kept("my-lba", nil); err == nil || !strings.Contains(err.Error(), "there is no lab in ") {
		t.Error(err)
	}
	if _, err := os.Stat("my-lba"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a folder was made: ", err)
	}
}

// TestOpen: a session is found by its instance, or where it is the only one.
func TestOpen(t *testing.T) {
	data := t.TempDir()
	if _, err := Open(data, ""); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	one, two := Session{Instance: "one", Lab: "/lab/lab.yaml", Used: []string{"a"}}, Session{Instance: "two"}
	if err := one.Keep(data); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(data, ""); err != nil || s.Lab != one.Lab || len(s.Used) != 1 {
		t.Error(s, err)
	}
	if err := two.Keep(data); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(data, ""); err == nil || errors.Is(err, ErrNone) || !strings.HasSuffix(err.Error(), "-n: one, two") {
		t.Error(err)
	}
	if s, err := Open(data, "two"); err != nil || s.Instance != "two" {
		t.Error(s, err)
	}
	if err := two.Forget(data); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(data, "two"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

// TestNotProven: where nothing at all passes, that the other ways do is no news.
func TestNotProven(t *testing.T) {
	way := func(name string, passes bool, state progress.State) Seen {
		return Seen{Play: author.Play{Name: name, Passes: passes}, State: state}
	}
	for want, seen := range map[string][]Seen{
		"task it: it has passed once the tasks before it are done: do something that they do not ask for": {
			way("solution", true, progress.Passed), way(author.Nothing, false, progress.Passed), way("other", false, progress.Passed)},
		"task it: other passes, too: the check asks for too little": {
			way("solution", true, progress.Passed), way(author.Nothing, false, progress.Failed), way("other", false, progress.Passed)},
	} {
		if got := (&NotProvenError{"it", seen}).Error(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
