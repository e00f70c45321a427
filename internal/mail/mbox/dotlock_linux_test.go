package mbox

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestCreateLock: the lock file is there with its text, or another one is left as it was.
func TestCreateLock(t *testing.T) {
	for name, create := range map[string]func(path, text string) error{"at once": createLock, "in steps": createLockInSteps} {
		path := filepath.Join(t.TempDir(), "u.lock")
		if err := create(path, "one"); err != nil || read(t, path) != "one" {
			t.Errorf("%s: %v", name, err)
		}
		if err := create(path, "two"); !errors.Is(err, fs.ErrExist) || read(t, path) != "one" {
			t.Errorf("%s, there was one: %v", name, err)
		}
	}
}

// TestMayHold: who has the mailbox open may hold its lock, if he was there when it was made; we ourselves do not count.
func TestMayHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "u")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if mayHold(path, 0) {
		t.Error("nobody else has it open")
	}
	reader := exec.Command("sleep", "1000")
	reader.Stdin = f
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Wait() }()
	defer func() { _ = reader.Process.Kill() }()
	if !mayHold(path, 0) {
		t.Error("a reader has it open")
	}
	if mayHold(path, time.Hour) && os.Getuid() == 0 {
		t.Error("the reader is younger than the lock")
	}
}
