package mbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// createLock makes a lock file with a text, all at once: whoever is killed meanwhile leaves nothing behind.
func createLock(path, text string) error {
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil { // not every file system has it
		return createLockInSteps(path, text)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	return os.NewSyscallError("link", err)
}

// mayHold tells whether a process that is not younger than a lock has the mailbox open, or may have: not everybody may
// look at all of them.
func mayHold(mailbox string, lock time.Duration) bool {
	file, err := os.Stat(mailbox)
	if err != nil {
		return false
	}
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range processes {
		if p == fmt.Sprintf("/proc/%d", os.Getpid()) || processAge(p) < lock-time.Second {
			continue
		}
		names, err := os.ReadDir(p + "/fd")
		if errors.Is(err, fs.ErrPermission) {
			return true
		}
		for _, name := range names {
			if open, err := os.Stat(filepath.Join(p, "fd", name.Name())); err == nil && os.SameFile(open, file) {
				return true
			}
		}
	}
	return false
}

// processAge is how long ago a process was started: field 22 of its stat (proc(5)), in hundredths of seconds since the
// machine was.
func processAge(process string) time.Duration {
	stat, _ := os.ReadFile(process + "/stat")
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var now unix.Timespec
	if len(fields) < 20 || unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0 // it is gone
	}
	ticks, _ := strconv.ParseInt(string(fields[19]), 10, 64)
	return time.Duration(now.Nano()) - time.Duration(ticks)*10*time.Millisecond
}
