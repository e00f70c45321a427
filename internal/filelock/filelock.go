// Package filelock is a lock between processes, held by having a file open: when its holder ends, however it ends, the
// lock is free again. The file itself says nothing. Whoever has the lock may remove it.
package filelock

import (
	"context"
	"fmt"
	"os"
	"time"
)

// pause is how often Wait tries.
const pause = 50 * time.Millisecond

// Try takes the lock; ok is false when somebody else has it.
func Try(path string) (release func(), ok bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	ok, err = try(f, true)
	if ok && err == nil && !same(f, path) { // who had it before removed the file: what we have locked has no name
		f.Close()
		return Try(path)
	}
	if !ok || err != nil {
		f.Close()
		return nil, false, wrapped(path, err)
	}
	return func() { f.Close() }, true, nil
}

// same tells whether an open file still is the one of that name.
func same(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}

// Wait takes the lock as soon as it can; waiting is called once when it cannot at once.
func Wait(ctx context.Context, path string, waiting func()) (release func(), err error) {
	for first := true; ; first = false {
		release, ok, err := Try(path)
		if ok || err != nil {
			return release, err
		}
		if first && waiting != nil {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", path, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// Held tells whether somebody has the lock. It takes it for an instant to find out: who wants it for good in that
// instant must try again.
func Held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	ok, err := try(f, false)
	return !ok && err == nil
}

func wrapped(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("lock %s: %w", path, err)
}
