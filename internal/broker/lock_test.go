//go:build linux

package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLockAndUnlock(t *testing.T) {
	o, ctx := open(t), context.Background()
	for _, box := range []string{Inbox, "Archives", "2026/march"} {
		unlock, err := o.Lock(ctx, "util1", box)
		must(t, err)
		if _, err := o.Lock(ctx, "util1", box); !errors.Is(err, ErrLocked) {
			t.Errorf("%s, locked twice: %v", box, err)
		}
		other, err := o.Lock(ctx, "util11", box)
		if err != nil {
			t.Errorf("%s of somebody else: %v", box, err)
		} else {
			other()
		}
		unlock()
		unlock() // a second time is nothing
		unlock, err = o.Lock(ctx, "util1", box)
		if err != nil {
			t.Fatalf("%s, after unlock: %v", box, err)
		}
		unlock()
	}
	if left, _ := filepath.Glob(filepath.Join(o.dir, "spool", "*")); len(left) > 0 {
		t.Errorf("left in the spool: %q", left)
	}
}

func TestLocksEndWithTheConnection(t *testing.T) {
	o, ctx := open(t), context.Background()
	second := o.connect(ctx)
	_, err := second.Lock(ctx, "util1", Inbox)
	must(t, err)
	if _, err := o.Lock(ctx, "util1", Inbox); !errors.Is(err, ErrLocked) {
		t.Errorf("held by another connection: %v", err)
	}
	must(t, second.Close())
	must(t, <-o.served)
	unlock, err := o.Lock(ctx, "util1", Inbox)
	must(t, err)
	unlock()
}

func TestALockThatWasTakenAwayIsNotRemoved(t *testing.T) {
	o, ctx := open(t), context.Background()
	path := o.home("util1", "mail", "x.lock")
	unlock, err := o.Lock(ctx, "util1", "x")
	must(t, err)
	o.asUser("util1", func() {
		must(t, os.Rename(path, path+".old"))
		must(t, os.WriteFile(path, []byte("the student's\n"), 0o600))
	})
	unlock()
	if text, err := os.ReadFile(path); err != nil || string(text) != "the student's\n" {
		t.Errorf("his lock holds %q, %v", text, err)
	}
}

// deadPID is the number of a process that has ended.
func deadPID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	must(t, cmd.Run())
	return cmd.Process.Pid
}

func TestStaleLocks(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		age        time.Duration
		free       bool
	}{
		{"of a process that runs", fmt.Sprint(os.Getppid(), "\n"), 0, false},
		{"of a process that is no more", fmt.Sprint(deadPID(t), "\n"), 0, true},
		{"of nobody", "", 0, false},
		{"of pid 0, which says: by age only", "0\n", 0, false},
		{"of nobody, old", "", 6 * time.Minute, true},
		{"of nobody, not old enough", "", 4 * time.Minute, false},
		{"of a labinit before this one", "maillab XXXX\n", 0, true},
		{"of a number too large", "99999999999999999999\n", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := open(t)
			spool := filepath.Join(o.dir, "spool")
			must(t, os.WriteFile(filepath.Join(spool, "util1.lock"), []byte(tt.text), 0o666))
			dir, err := unix.Open(spool, unix.O_PATH, 0)
			must(t, err)
			defer unix.Close(dir)
			_, err = o.files.locks.take(dir, "util1.lock", time.Now().Add(tt.age))
			if free := err == nil; free != tt.free || (!free && !errors.Is(err, ErrLocked)) {
				t.Errorf("taken: %v, want %v", err, tt.free)
			}
			left, _ := filepath.Glob(filepath.Join(spool, ".*"))
			if len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestBreakingIsForOne: of many who find a stale lock at once, exactly one gets it.
func TestBreakingIsForOne(t *testing.T) {
	o := open(t)
	spool := filepath.Join(o.dir, "spool")
	dir, err := unix.Open(spool, unix.O_PATH, 0)
	must(t, err)
	defer unix.Close(dir)
	stale := fmt.Sprint(deadPID(t), "\n")
	for round := range 50 {
		must(t, os.WriteFile(filepath.Join(spool, "util1.lock"), []byte(stale), 0o666))
		results := make(chan error)
		for range 8 {
			go func() {
				_, err := o.files.locks.take(dir, "util1.lock", time.Now())
				results <- err
			}()
		}
		got := 0
		for range 8 {
			if err := <-results; err == nil {
				got++
			} else if !errors.Is(err, ErrLocked) {
				t.Error(err)
			}
		}
		if got != 1 {
			t.Fatalf("round %d: %d got the lock", round, got)
		}
		must(t, os.Remove(filepath.Join(spool, "util1.lock")))
	}
}

// TestALockNobodyWaitsForIsGivenBack: the context ends while the answer is on its way.
func TestALockNobodyWaitsForIsGivenBack(t *testing.T) {
	o := open(t)
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		unlock, err := o.Lock(ctx, "util1", Inbox)
		if err == nil {
			unlock()
		}
		eventually(t, func() error {
			unlock, err := o.Lock(context.Background(), "util1", Inbox)
			if err == nil {
				unlock()
			}
			return err
		})
	}
}

func eventually(t *testing.T, do func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if err = do(); err == nil {
			return
		}
	}
	t.Fatal(err)
}
