package maild

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maillab/internal/control"
	"maillab/internal/progress"
)

// refused tells whether an error is an answer of that status.
func refused(err error, status int) bool {
	var told *control.Error
	return errors.As(err, &told) && told.Status == status
}

// TestCopies: a copy is taken before a reset, and brings all of it back, once more with a way back; a student's alone.
func TestCopies(t *testing.T) {
	b := worked(t)
	before := counts(b)
	if _, err := b.lessons.Reset(t.Context(), control.Reset{Students: []string{"alice"}, Scope: "all", Keep: true}); err != nil {
		t.Fatal(err)
	}
	if got := counts(b); got["alice"] != (progress.Count{}) || got["bruno"] != before["bruno"] {
		t.Fatalf("after the reset: %v", got)
	}
	all, err := b.lessons.Copies("alice")
	if err != nil || len(all) != 1 || all[0].Octets == 0 {
		t.Fatal(all, err)
	}
	for _, of := range []control.CopyOf{{Student: "bruno", ID: all[0].ID}, {Student: "alice", ID: "../" + all[0].ID}, {Student: "alice"}} {
		if _, err := b.lessons.PutBack(t.Context(), of); !refused(err, http.StatusNotFound) {
			t.Errorf("%+v is put back: %v", of, err)
		}
	}
	if _, err := b.lessons.PutBack(t.Context(), control.CopyOf{Student: "alice", ID: all[0].ID}); err != nil {
		t.Fatal(err)
	}
	if got := counts(b); got["alice"] != before["alice"] || got["bruno"] != before["bruno"] {
		t.Errorf("%v came back, %v was kept", got, before)
	}
	if all, _ := b.lessons.Copies("alice"); len(all) != 2 {
		t.Errorf("there is no way back: %v", all)
	}
	for _, nobody := range []string{"", "carla"} {
		if _, err := b.lessons.Copy(t.Context(), control.CopyOf{Student: nobody}); err == nil {
			t.Errorf("%q has a copy", nobody)
		}
	}
}

// TestCopiesAreBounded: young copies are not pushed out, and then nothing is put back, either; old ones make room.
func TestCopiesAreBounded(t *testing.T) {
	now := time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)
	b := start(t, 1, func(c *Config) { c.Now = func() time.Time { return now } })
	for range 8 {
		if _, err := b.lessons.Copy(t.Context(), control.CopyOf{Student: "sutil1"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.lessons.Reset(t.Context(), control.Reset{Students: []string{"sutil1"}, Scope: "all", Keep: true}); !refused(err, http.StatusTooManyRequests) {
		t.Errorf("a reset without a way back: %v", err)
	}
	if b.epochs.Current().Number != 1 {
		t.Error("it was put back")
	}
	first, _ := b.lessons.Copies("sutil1")
	now = now.Add(25 * time.Hour)
	if _, err := b.lessons.Copy(t.Context(), control.CopyOf{Student: "sutil1"}); err != nil {
		t.Fatal(err)
	}
	if all, _ := b.lessons.Copies("sutil1"); len(all) != 8 || all[0].ID == first[0].ID {
		t.Errorf("%d are kept, from %s", len(all), all[0].ID)
	}
}

// TestCopiesOfOthers: what somebody left behind who is no student here any more goes, and what was being written.
func TestCopiesOfOthers(t *testing.T) {
	dir := t.TempDir()
	copies := filepath.Join(dir, "state", "copies")
	if err := os.MkdirAll(filepath.Join(copies, "somebody"), 0o700); err != nil {
		t.Fatal(err)
	}
	b := startIn(t, dir, 1)
	if _, err := os.Stat(filepath.Join(copies, "somebody")); !os.IsNotExist(err) {
		t.Error("it is still there: ", err)
	}
	if _, err := b.lessons.Copy(t.Context(), control.CopyOf{Student: "sutil1"}); err != nil {
		t.Fatal(err)
	}
	if parts, _ := filepath.Glob(filepath.Join(copies, "*", "*.part")); len(parts) != 0 {
		t.Error(parts)
	}
}

// TestNote: a note is a message of root's, in the student's language, whatever is in its text.
func TestNote(t *testing.T) {
	b := start(t, 2)
	long := strings.Repeat("mot été ", 40) + strings.Repeat("x", 200)
	if err := b.Tell(t.Context(), control.Note{Student: "sutil1", Text: "From: president\r\n\r\n.\r\n" + long}); err != nil {
		t.Fatal(err)
	}
	b.wait("the note", func() bool { return b.count("util1") == 2 })
	box := b.box("util1")
	for _, want := range []string{"\nSubject: A message from your teacher\n", "\n\n>From: president\n", "charset=utf-8", "été mot"} {
		if !strings.Contains(strings.ReplaceAll(box, "\nFrom: president", "\n>From: president"), want) {
			t.Errorf("%q is missing: %s", want, box)
		}
	}
	for line := range strings.Lines(box) {
		if len(line) > 500 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
	if b.count("util2") != 0 { // it has no starting mail
		t.Error("another got it")
	}
	for _, wrong := range []control.Note{{Student: "sutil1"}, {Student: "sutil1", Text: "a\x1b[31m"}, {Student: "sutil1", Text: "\xff"},
		{Student: "sutil1", Text: strings.Repeat("x", control.MaxNote+1)}} {
		if err := b.Tell(t.Context(), wrong); !refused(err, http.StatusBadRequest) {
			t.Errorf("%.20q: %v", wrong.Text, err)
		}
	}
	if err := b.Tell(t.Context(), control.Note{Student: "nobody", Text: "x"}); !refused(err, http.StatusNotFound) {
		t.Error(err)
	}
}
