//go:build linux

package broker

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Usage is how many bytes a user's home and mailbox take on disk; what he has made unreadable for himself counts as
// itself only. It is for labinit. Each file costs entryBytes besides, so that whoever has more than maxMetered of them, which
// are not looked at, has taken much already.
func (f *Files) Usage(ctx context.Context, user string) (int64, error) {
	owner, err := f.Lookup(user)
	if err != nil {
		return 0, err
	}
	var m meter
	err = f.crew.as(ctx, owner.UID, owner.GID, func() {
		m.tree(owner.Home)
		m.tree(f.Spool + "/" + user)
	})
	return m.bytes, err
}

const (
	entryBytes = 1 << 10 // an inode and a name
	maxMetered = 200_000
	maxNesting = 64    // levels that are open at a time
	maxDeeper  = 1_000 // directories below them that are left for later
)

// meter adds up what a tree takes. A file with several links counts as often: it is not worth a table.
type meter struct {
	bytes   int64
	visited int
	deeper  []*os.File // directories at maxNesting, whose content is still to be looked at
}

// tree adds what lies at a path.
func (m *meter) tree(path string) {
	m.add(unix.AT_FDCWD, path, 0)
	for len(m.deeper) > 0 {
		last := len(m.deeper) - 1
		handle := m.deeper[last]
		m.deeper = m.deeper[:last]
		m.content(handle, 0)
	}
}

func (m *meter) add(dir int, name string, depth int) {
	var st unix.Stat_t
	if m.visited++; m.visited > maxMetered || unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return
	}
	m.bytes += st.Blocks*512 + entryBytes // stat(2)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || len(m.deeper) >= maxDeeper {
		return
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	handle := os.NewFile(uintptr(fd), name)
	if depth >= maxNesting {
		m.deeper = append(m.deeper, handle)
		return
	}
	m.content(handle, depth)
}

// content adds what is in a directory, and closes it.
func (m *meter) content(handle *os.File, depth int) {
	defer handle.Close()
	for m.visited <= maxMetered {
		names, err := handle.Readdirnames(256)
		for _, inner := range names {
			m.add(int(handle.Fd()), inner, depth+1)
		}
		if err != nil {
			return
		}
	}
}

// Tell writes text onto all of a user's terminals, as write(1) would. A terminal that does not take it is left out.
func (f *Files) Tell(ctx context.Context, user, text string) error {
	owner, err := f.Lookup(user)
	if err != nil {
		return err
	}
	terminals, err := os.ReadDir("/dev/pts")
	if err != nil {
		return fmt.Errorf("terminals: %w", err)
	}
	return f.crew.as(ctx, owner.UID, owner.GID, func() {
		for _, terminal := range terminals {
			_ = tell("/dev/pts/"+terminal.Name(), text, owner)
		}
	})
}

func tell(path, text string, owner Owner) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if int(st.Uid) != owner.UID || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return errors.New("not his terminal")
	}
	_, err = unix.Write(fd, []byte("\r\n"+text+"\r\n"))
	return err
}
