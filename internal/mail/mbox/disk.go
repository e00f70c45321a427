package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"maillab/internal/mail"
)

// disk is what may fail for reasons of its own while a mailbox is changed; tests put faults into it.
type disk interface {
	WriteAt(f *os.File, b []byte, off int64) error
	Truncate(f *os.File, size int64) error
	Sync(f *os.File) error
}

type realDisk struct{}

func (realDisk) WriteAt(f *os.File, b []byte, off int64) error {
	_, err := f.WriteAt(b, off)
	return err
}

func (realDisk) Truncate(f *os.File, size int64) error { return f.Truncate(size) }
func (realDisk) Sync(f *os.File) error                 { return syncData(f) }

// classify gives an error of the system the sentinel that callers branch on.
func classify(doing string, err error) error {
	for _, c := range [...]struct {
		is  bool
		why error
	}{
		{err == nil, nil},
		{isFull(err), mail.ErrFull},
		{isTooBig(err), mail.ErrTooBig},
		{isRefused(err), mail.ErrBadName},
		{isBusy(err), mail.ErrLocked},
		{errors.Is(err, fs.ErrNotExist), mail.ErrNoMailbox},
		{errors.Is(err, fs.ErrExist), mail.ErrExists},
	} {
		switch {
		case !c.is:
		case err == nil:
			return nil
		case !errors.Is(err, c.why):
			return fmt.Errorf("%s: %w: %w", doing, c.why, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// stamp tells one state of a file from another. Within one tick of the file system's clock it cannot, see racy.
type stamp struct {
	ino   uint64
	size  int64
	mtime int64 // nanoseconds since 1970
}

// tick is longer than the coarsest clock that a file system puts on a change (a jiffy at HZ=100).
const tick = 20 * time.Millisecond

// racy tells that a file was changed so shortly before it was looked at that a later change may carry the same time.
func (s stamp) racy(now time.Time) bool {
	return now.UnixNano()-s.mtime < int64(tick)
}
