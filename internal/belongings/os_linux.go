package belongings

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// safely opens without following a link and without waiting: for a FIFO's other end, or for the owner of a lease.
const safely = unix.O_NOFOLLOW | unix.O_NONBLOCK

// validHere tells whether a path's odd characters are just characters.
func validHere(rel string) bool { return !strings.ContainsRune(rel, 0) }

// dataOf finds the parts of a file that have data; nil when it has no holes worth the name.
func dataOf(f *os.File, info os.FileInfo) []extent {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Blocks*512 >= info.Size() {
		return nil
	}
	data := []extent{}
	for at := int64(0); at < info.Size(); {
		start, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return data // a hole up to the end
		}
		if err != nil {
			return nil
		}
		end, err := f.Seek(start, unix.SEEK_HOLE)
		if err != nil || len(data) == maxExtents {
			return nil
		}
		data = append(data, extent{start, min(end, info.Size()) - start})
		at = end
	}
	return data
}

// tryLock takes a reader's lock (of the kind that vanishes with this descriptor only), and tells whether it has it.
func tryLock(f *os.File) bool {
	lock := unix.Flock_t{Type: unix.F_RDLCK}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock) == nil
}

// leased tells whether an open failed because somebody holds a lease on the file.
func leased(err error) bool { return errors.Is(err, unix.EWOULDBLOCK) }
