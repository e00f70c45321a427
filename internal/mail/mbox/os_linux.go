package mbox

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"maillab/internal/mail"
)

// openFlags keep an open from following a link the user put there and from waiting for a FIFO's other end or for a
// lease that the user holds on the file.
const openFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC

// lockKind is a whole-file lock.
type lockKind int16

const (
	unlocked  lockKind = unix.F_UNLCK
	readLock  lockKind = unix.F_RDLCK
	writeLock lockKind = unix.F_WRLCK
)

// setLock changes the file's lock at once, or reports ErrLocked. It is an OFD lock: a POSIX lock would vanish when any
// other descriptor of the file is closed. Both kinds exclude each other, so mailutils' fcntl lock is respected.
func setLock(f *os.File, kind lockKind) error {
	lock := unix.Flock_t{Type: int16(kind), Whence: 0, Start: 0, Len: 0}
	var err error
	c, closed := f.SyscallConn()
	if closed == nil { // while it is held the number cannot become another file's: a hold may end after its file was closed
		closed = c.Control(func(fd uintptr) {
			err = retryEINTR(func() error { return unix.FcntlFlock(fd, unix.F_OFD_SETLK, &lock) })
		})
	}
	if closed != nil {
		return closed
	}
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return mail.ErrLocked
	}
	return err
}

// setAlone takes a write lease, which the kernel grants only when no other descriptor of the file is open anywhere
// (fcntl(2), F_SETLEASE). While it is held, an opener waits, at most /proc/sys/fs/lease-break-time seconds.
func setAlone(f *os.File) (release func(), ok bool) {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		return nil, false
	}
	return func() { _, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) }, true
}

// syncData makes a file's bytes and its length durable.
func syncData(f *os.File) error {
	return retryEINTR(func() error { return unix.Fdatasync(int(f.Fd())) })
}

// reserve allocates blocks up to size, so that writing there cannot run out of space. A file system that cannot says so
// when the bytes are written.
func reserve(f *os.File, from, size int64) error {
	err := retryEINTR(func() error { return unix.Fallocate(int(f.Fd()), 0, from, size-from) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}

func retryEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// stampFile tells the state of an open file and how many names it has.
func stampFile(f *os.File) (s stamp, links uint64, err error) {
	var st unix.Stat_t
	if err := retryEINTR(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return s, 0, err
	}
	return stamp{ino: st.Ino, size: st.Size, mtime: st.Mtim.Nano()}, uint64(st.Nlink), nil
}

func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

func isTooBig(err error) bool { return errors.Is(err, unix.EFBIG) }

// isRefused is an open that failed because something else than a plain file is there.
func isRefused(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) ||
		errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENAMETOOLONG)
}

// isBusy is an open that a student's lease makes wait.
func isBusy(err error) bool { return errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.ETXTBSY) }
