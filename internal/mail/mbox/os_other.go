//go:build !linux

package mbox

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// On other systems only the embedded engine runs, over files that nobody else opens: the dotlock is the only lock, and
// we are always alone with the file.
const openFlags = 0

type lockKind int16

const (
	unlocked lockKind = iota
	readLock
	writeLock
)

func setLock(*os.File, lockKind) error            { return nil }
func setAlone(*os.File) (release func(), ok bool) { return func() {}, true }
func syncData(f *os.File) error                   { return f.Sync() }
func reserve(*os.File, int64, int64) error        { return nil }

// stampFile has no portable source for a file's number: size and time of change alone tell one state from another.
func stampFile(f *os.File) (s stamp, links uint64, err error) {
	fi, err := f.Stat()
	if err != nil {
		return s, 0, err
	}
	return stamp{size: fi.Size(), mtime: fi.ModTime().UnixNano()}, 1, nil
}

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	return pid == os.Getpid() || !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

func isFull(err error) bool   { return errors.Is(err, syscall.ENOSPC) }
func isTooBig(err error) bool { return errors.Is(err, syscall.EFBIG) }
func isRefused(error) bool    { return false }
func isBusy(error) bool       { return false }

func createLock(path, text string) error { return createLockInSteps(path, text) }

// mayHold cannot be told here.
func mayHold(string, time.Duration) bool { return true }
