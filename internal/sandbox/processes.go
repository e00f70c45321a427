//go:build linux

package sandbox

import (
	"bytes"
	"encoding/binary"
	"iter"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// process is one as proc_pid_status(5) tells of it.
type process struct {
	pid, parent int
	name        string // as it calls itself
	uids        [4]int // real, effective, saved, of the file system; -1 each where they cannot be told
	ended       bool   // a zombie
}

// processes lists all that /proc does. A supervisor looks every other second for as long as a sandbox lives, so nothing is made
// for what in /proc is no process.
func processes() (all []process, err error) {
	fd, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open /proc", err)
	}
	defer unix.Close(fd)
	var room [4 << 10]byte
	for {
		n, err := unix.ReadDirent(fd, room[:])
		if err != nil {
			return nil, os.NewSyscallError("getdents /proc", err)
		}
		if n <= 0 {
			return all, nil
		}
		for entry := range entries(room[:n]) {
			if pid, err := strconv.Atoi(string(entry)); err == nil {
				if p, ok := processOf(pid); ok {
					all = append(all, p)
				}
			}
		}
	}
}

// entries are the names that begin with a digit of what getdents64(2) filled in: an inode and a position of eight octets each,
// the record's length in two, a type in one, then the name and a NUL.
func entries(records []byte) iter.Seq[[]byte] {
	const length, name = 16, 19
	return func(yield func([]byte) bool) {
		for len(records) > name {
			size := min(int(binary.NativeEndian.Uint16(records[length:])), len(records))
			entry, _, _ := bytes.Cut(records[name:max(size, name)], []byte{0})
			if len(entry) > 0 && '0' <= entry[0] && entry[0] <= '9' && !yield(entry) {
				return
			}
			records = records[max(size, 1):]
		}
	}
}

// processOf reads one; not ok is one that is gone.
func processOf(pid int) (p process, ok bool) {
	var room [4 << 10]byte // what is looked for stands at the beginning
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/status", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return p, false
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, room[:])
	return parseProcess(pid, room[:max(n, 0)]), err == nil
}

// parseProcess reads a /proc/PID/status.
func parseProcess(pid int, status []byte) process {
	p := process{pid: pid, uids: [4]int{-1, -1, -1, -1}}
	for line := range bytes.Lines(status) {
		key, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(":\t"))
		switch string(key) {
		case "Name":
			p.name = string(value)
		case "State":
			p.ended = bytes.HasPrefix(value, []byte("Z")) || bytes.HasPrefix(value, []byte("X"))
		case "PPid":
			p.parent, _ = strconv.Atoi(string(value))
		case "Uid":
			p.uids = parseUIDs(value)
			return p // nothing that is looked for comes after it
		}
	}
	return p
}

func parseUIDs(value []byte) (uids [4]int) {
	n := 0
	for field := range bytes.FieldsSeq(value) {
		uid, err := strconv.Atoi(string(field))
		if err != nil || n == len(uids) {
			return [4]int{-1, -1, -1, -1}
		}
		uids[n] = uid
		n++
	}
	if n < len(uids) {
		return [4]int{-1, -1, -1, -1}
	}
	return uids
}

// real and effective are uids, -1 where they cannot be told.
func (p process) real() int      { return p.uids[0] }
func (p process) effective() int { return p.uids[1] }

// processesOf lists what runs and has one of these uids, as any of its four.
func processesOf(uids ...int) ([]process, error) {
	all, err := processes()
	return slices.DeleteFunc(all, func(p process) bool {
		return p.ended || !slices.ContainsFunc(uids, func(uid int) bool { return uid >= 0 && slices.Contains(p.uids[:], uid) })
	}), err
}

// programs are the processes that users run, by uid: those whose files their user may look at, whose /proc/PID/fd is his
// (proc(5)), and those that do not let him and have no reason to. The reasons: a program that became root, as passwd and su do; one whose
// parent is root, as what carries an SSH session. A parent that has ended is no reason: its children are PID 1's.
func programs(all []process) map[int][]int {
	byRoot := map[int]bool{}
	for _, p := range all {
		byRoot[p.pid] = p.real() == 0 && p.pid != 1
	}
	found := map[int][]int{}
	for _, p := range all {
		var st unix.Stat_t
		if p.real() <= 0 || p.ended || p.effective() == 0 || unix.Lstat("/proc/"+strconv.Itoa(p.pid)+"/fd", &st) != nil {
			continue
		}
		if int(st.Uid) == p.real() || !byRoot[p.parent] {
			found[p.real()] = append(found[p.real()], p.pid)
		}
	}
	return found
}

// somebodys tells whether any of them is a user's, in whatever way: base is the lowest uid that one has.
func somebodys(all []process, base int) bool {
	return slices.ContainsFunc(all, func(p process) bool { return !p.ended && slices.Max(p.uids[:]) >= base })
}
