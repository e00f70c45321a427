//go:build linux

package broker

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// holdings adds up the files that a user's processes keep though they have no name any more. Not seen are those that lie in
// the queue of a Unix socket, sent and not received (unix(7), SCM_RIGHTS): nobody can write to them there.
type holdings struct {
	*meter
	places []string // folders on volumes; what lies elsewhere is in memory, and bounded there
	files  map[inode]int64
}

// inode is a file, whatever it is called.
type inode struct{ device, number uint64 }

// process adds what one process has open, or mapped after it closed it. One that does not let its user look hides it.
func (h holdings) process(pid int) {
	dir := "/proc/" + strconv.Itoa(pid)
	err := errors.Join(h.opened(dir+"/fd"), h.mapped(dir+"/maps"))
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
		h.hidden = dir
	}
}

func (h holdings) opened(dir string) error {
	all, err := os.ReadDir(dir)
	for _, one := range all {
		var st unix.Stat_t
		at, gone := os.Readlink(dir + "/" + one.Name())
		if gone != nil || !h.onVolume(at) || unix.Stat(dir+"/"+one.Name(), &st) != nil {
			continue
		}
		if st.Nlink == 0 && st.Mode&unix.S_IFMT == unix.S_IFREG {
			h.hold(inode{uint64(st.Dev), st.Ino}, st.Blocks*512)
		}
	}
	return err
}

func (h holdings) mapped(file string) error {
	maps, err := os.Open(file)
	if err != nil {
		return err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		if m, ok := parseMapping(lines.Text()); ok && m.deleted && h.onVolume(m.path) {
			h.hold(m.file, m.bytes)
		}
	}
	return lines.Err()
}

func (h holdings) onVolume(path string) bool {
	return slices.ContainsFunc(h.places, func(place string) bool { return strings.HasPrefix(path, place) })
}

// hold counts a file once, as the largest that anybody says it is.
func (h holdings) hold(file inode, bytes int64) {
	if more := bytes - h.files[file]; more > 0 {
		h.files[file] = bytes
		h.bytes += more
	}
}

// mapping is a line of /proc/PID/maps (proc(5)): "START-END PERMS OFFSET MAJOR:MINOR INODE PATH". How much of it is on disk
// is not told: it counts whole.
type mapping struct {
	file    inode
	bytes   int64
	path    string
	deleted bool
}

func parseMapping(line string) (m mapping, ok bool) {
	var from, to uint64
	var major, minor uint32
	var perms, offset string
	if _, err := fmt.Sscanf(line, "%x-%x %s %s %x:%x %d", &from, &to, &perms, &offset, &major, &minor, &m.file.number); err != nil || to < from {
		return mapping{}, false
	}
	if at := strings.IndexByte(line, '/'); at >= 0 {
		m.path, m.deleted = strings.CutSuffix(line[at:], " (deleted)")
	}
	m.file.device, m.bytes = unix.Mkdev(major, minor), int64(to-from)
	return m, true
}
