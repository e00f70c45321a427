//go:build linux

package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Usage is how many bytes a user's home and mailbox take on disk; what he has made unreadable for himself counts as
// itself only. It is for labinit. More than maxVisited files are not looked at: they count what was seen until then.
func (f *Files) Usage(ctx context.Context, user string) (int64, error) {
	owner, err := f.Lookup(user)
	if err != nil {
		return 0, err
	}
	var m meter
	err = f.crew.as(ctx, owner.UID, owner.GID, func() {
		_ = m.add(unix.AT_FDCWD, owner.Home, 0)
		_ = m.add(unix.AT_FDCWD, f.Spool+"/"+user, 0)
	})
	return m.bytes, err
}

// meter adds up what a tree takes. A file with several links counts as often: it is not worth a table.
type meter struct {
	bytes   int64
	visited int
}

// maxNesting is deeper than anybody's directories go by themselves.
const maxNesting = 64

func (m *meter) add(dir int, name string, depth int) error {
	var st unix.Stat_t
	if m.visited++; m.visited > maxVisited {
		return syscall.E2BIG
	}
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return nil
	}
	m.bytes += st.Blocks * 512 // stat(2)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || depth >= maxNesting {
		return nil
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	handle := os.NewFile(uintptr(fd), name)
	defer handle.Close()
	for {
		names, err := handle.Readdirnames(256)
		for _, inner := range names {
			if err := m.add(fd, inner, depth+1); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
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
