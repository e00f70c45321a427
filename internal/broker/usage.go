//go:build linux

package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Usage is what a user takes on disk, in octets.
type Usage struct {
	Own     int64  // his home, and files without a name that his programs still have open or mapped
	Mailbox int64  // his mailbox in the spool, which others fill
	Hidden  string // what could not be looked into; it may be any size
	Stamp   uint64 // another one when anything was changed, of what has a name
}

// Usage looks at users' files, and at those of their programs' that have no name any more, given by user. Each file costs
// entryBytes besides. A directory that its owner may not read himself is opened for him. It is for labinit.
func (f *Files) Usage(ctx context.Context, users []string, programs map[string][]int) (map[string]Usage, error) {
	used := map[string]Usage{}
	return used, f.take(ctx, forEach(users, func(user string) turn {
		return turn{user, false, func(owner Owner) error {
			u, err := f.usage(user, owner, programs[user])
			used[user] = u
			return err
		}}
	})...)
}

func (f *Files) usage(user string, owner Owner, pids []int) (u Usage, err error) {
	box, own := meter{uid: owner.UID}, meter{uid: owner.UID}
	if err := errors.Join(f.measure(&box, f.Spool+"/"+user), f.measure(&own, owner.Home)); err != nil {
		return u, err
	}
	u.Stamp = box.stamp*31 + own.stamp
	h := holdings{meter: &own, places: []string{filepath.Dir(owner.Home) + "/", f.Spool + "/"}, files: map[inode]int64{}}
	for _, pid := range pids {
		h.process(pid)
	}
	u.Own, u.Mailbox, u.Hidden = own.bytes, box.bytes, own.hidden
	return u, nil
}

func (f *Files) measure(m *meter, path string) error {
	dir, name, err := f.tops.at(path)
	if err == nil {
		m.tree(dir, name)
	}
	return err
}

const (
	entryBytes = 4 << 10   // an inode, a name, and a block of the journal
	maxMetered = 1_000_000 // files: a look at them takes seconds
	maxNesting = 64        // levels that are open at a time
	maxDeeper  = 1_000     // directories below them that are left for later
)

// meter adds up what a user takes. A file with several links counts as often: it is not worth a table.
type meter struct {
	uid     int
	bytes   int64
	visited int
	stamp   uint64     // the sum over files: the order in which they are found is nothing
	hidden  string     // the last that could not be looked into
	deeper  []*os.File // directories at maxNesting, whose content is still to be looked at
}

// tree adds what lies in a directory under a name.
func (m *meter) tree(dir int, name string) {
	m.add(dir, name, 0)
	for len(m.deeper) > 0 {
		last := len(m.deeper) - 1
		handle := m.deeper[last]
		m.deeper = m.deeper[:last]
		m.content(handle, 0)
	}
}

func (m *meter) add(dir int, name string, depth int) {
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return
	}
	if m.visited++; m.visited > maxMetered {
		m.hidden = name
		return
	}
	m.bytes += st.Blocks*512 + entryBytes // stat(2)
	m.stamp += stampOf(name, st)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return
	}
	if len(m.deeper) >= maxDeeper {
		m.hidden = name
		return
	}
	handle, err := m.open(dir, name, st)
	if err != nil {
		if !errors.Is(err, unix.ENOENT) {
			m.hidden = name
		}
		return
	}
	if depth >= maxNesting {
		m.deeper = append(m.deeper, handle)
		return
	}
	m.content(handle, depth)
}

// stampOf is of one file: whatever is done to it or its name changes its inode, or that one's time.
func stampOf(name string, st unix.Stat_t) uint64 {
	var told [40]byte
	text := told[:0]
	for _, number := range []uint64{st.Ino, uint64(st.Size), uint64(st.Mode), uint64(st.Mtim.Nano()), uint64(st.Ctim.Nano())} {
		text = binary.LittleEndian.AppendUint64(text, number)
	}
	h := fnv.New64a() // its Write never fails; for each file at each look of the disk's watch nothing is formatted
	_, _ = h.Write(text)
	_, _ = h.Write([]byte(name))
	return h.Sum64()
}

// open opens a directory; one that its owner has closed for himself is opened again.
func (m *meter) open(dir int, name string, st unix.Stat_t) (*os.File, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(dir, name, flags, 0)
	if (err == nil && st.Mode&0o100 == 0 || errors.Is(err, unix.EACCES)) && int(st.Uid) == m.uid {
		if err == nil {
			_ = unix.Close(fd)
		}
		// A link in its place meanwhile leads to what is his own, or is refused: it is done as him.
		if err := unix.Fchmodat(dir, name, st.Mode&0o7777|0o500, 0); err != nil {
			return nil, err
		}
		fd, err = unix.Openat(dir, name, flags, 0)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
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
