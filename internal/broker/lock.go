//go:build linux

package broker

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A dotlock is the file BOX.lock beside a box; who makes it holds it. mailutils as root, procmail and others know only
// this kind. The invariants:
//   - a lock that we hold is in the table, with the inode that we made; release removes that inode and no other;
//   - ours say so in their text, with a word that is new for each labinit: one that says another word is a dead one's;
//   - a foreign lock is broken when it is older than staleAge or when it names a process that is no more. Only one of ours
//     breaks at a time. A program of somebody else's may have broken it and made a new one between the look and the
//     breaking: so it is renamed aside first, looked at again, and put back when it is not the one that was judged. (That
//     leaves an instant in which a third could take it; dotlocks have no better.)
const staleAge = 5 * time.Minute

// maxHeld bounds the table.
const maxHeld = 10_000

// locks are the dotlocks that we hold.
type locks struct {
	word     string
	breaking sync.Mutex // held from the judgement on a stale lock until the new one is made

	mu   sync.Mutex
	last uint64
	held map[uint64]heldLock
}

type heldLock struct {
	user, box string
	inode     uint64
}

func newLocks() *locks {
	return &locks{word: "maillab " + rand.Text(), held: map[uint64]heldLock{}}
}

// Lock tries once to take the dotlock of a user's box, and names it for Unlock.
func (f *Files) Lock(ctx context.Context, user, box string) (uint64, error) {
	var lock uint64
	err := f.within(ctx, user, box, true, func(dir int, name string, _ Owner) error {
		inode, err := f.locks.take(dir, name+".lock", time.Now())
		if err != nil {
			return err
		}
		lock, err = f.locks.add(heldLock{user, box, inode})
		if err != nil {
			_ = unix.Unlinkat(dir, name+".lock", 0)
		}
		return err
	})
	return lock, err
}

// Unlock gives a lock back. One that a student removed meanwhile, or that is unknown, is no error.
func (f *Files) Unlock(ctx context.Context, lock uint64) error {
	h, ok := f.locks.drop(lock)
	if !ok {
		return nil
	}
	return f.within(ctx, h.user, h.box, false, func(dir int, name string, _ Owner) error {
		var st unix.Stat_t
		err := unix.Fstatat(dir, name+".lock", &st, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil || st.Ino != h.inode {
			return nil
		}
		return unix.Unlinkat(dir, name+".lock", 0)
	})
}

// take makes the lock file, breaking a stale one.
func (l *locks) take(dir int, name string, now time.Time) (uint64, error) {
	inode, err := l.create(dir, name)
	if err != unix.EEXIST {
		return inode, err
	}
	l.breaking.Lock()
	defer l.breaking.Unlock()
	if !l.breakStale(dir, name, now) {
		return 0, &Error{Errno: syscall.EAGAIN, Kind: ErrLocked, Text: name + " exists"}
	}
	inode, err = l.create(dir, name)
	if err == unix.EEXIST {
		return 0, &Error{Errno: syscall.EAGAIN, Kind: ErrLocked, Text: name + " exists again"}
	}
	return inode, err
}

func (l *locks) create(dir int, name string) (uint64, error) {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err == unix.EEXIST {
		return 0, err
	}
	if err != nil {
		return 0, fmt.Errorf("making %s: %w", name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	// A full disk takes the file but not its text: the lock holds all the same, and is stale by age only.
	_, _ = unix.Write(fd, []byte(l.word+"\n"))
	return st.Ino, nil
}

// breakStale tells whether the way is free now.
func (l *locks) breakStale(dir int, name string, now time.Time) bool {
	inode, stale := l.judge(dir, name, now)
	if !stale {
		return inode == 0 // gone by itself
	}
	aside := "." + name + "." + rand.Text()[:8]
	if err := unix.Renameat(dir, name, dir, aside); err != nil {
		return err == unix.ENOENT
	}
	if moved, _ := l.judge(dir, aside, now); moved != inode {
		_ = unix.Linkat(dir, aside, dir, name, 0) // fails when there is a newer one: then that is the lock
		_ = unix.Unlinkat(dir, aside, 0)
		return false
	}
	_ = unix.Unlinkat(dir, aside, 0)
	return true
}

// judge looks at a lock file: its inode (0: there is none) and whether it is stale.
func (l *locks) judge(dir int, name string, now time.Time) (inode uint64, stale bool) {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, false
	}
	if now.Sub(time.Unix(st.Ctim.Unix())) > staleAge { // ctime, as anybody may set an mtime into the future
		return st.Ino, true
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return st.Ino, false
	}
	return st.Ino, l.orphaned(readStart(dir, name))
}

// orphaned judges a lock by its text: a process ID that is no more, or the word of another labinit.
func (l *locks) orphaned(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSpace(line)
	if bytes.HasPrefix(line, []byte("maillab ")) {
		return string(line) != l.word
	}
	pid, err := strconv.Atoi(string(line))
	// "0" and no text at all are what programs write that want to be judged by age only (lockfile_create(3)).
	return err == nil && pid > 0 && unix.Kill(pid, 0) == unix.ESRCH
}

func readStart(dir int, name string) []byte {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	text := make([]byte, 64)
	n, _ := unix.Read(fd, text)
	return text[:max(n, 0)]
}

func (l *locks) add(h heldLock) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) >= maxHeld {
		return 0, fmt.Errorf("%d locks are held already: %w", maxHeld, syscall.ENOLCK)
	}
	l.last++
	l.held[l.last] = h
	return l.last, nil
}

func (l *locks) drop(lock uint64) (heldLock, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.held[lock]
	delete(l.held, lock)
	return h, ok
}
