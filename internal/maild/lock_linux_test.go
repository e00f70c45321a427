package maild

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// lockByStudent takes all locks that a student's program can have on a mailbox: the kernel's, and the dotlock of a process
// that lives.
func (b *sandboxed) lockByStudent(user string) (unlock func()) {
	b.t.Helper()
	path := filepath.Join(b.dir, "users", "spool", user)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	b.wait("the student's lock", func() bool { return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock) == nil })
	b.wait("the student's dotlock", func() bool {
		l, err := os.OpenFile(path+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return false
		}
		_, _ = l.WriteString(strconv.Itoa(os.Getpid()) + "\n")
		return l.Close() == nil
	})
	return func() { f.Close(); os.Remove(path + ".lock") }
}
