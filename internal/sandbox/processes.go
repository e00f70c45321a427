//go:build linux

package sandbox

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// process is one as proc_pid_status(5) tells of it.
type process struct {
	pid, parent int
	name        string // as it calls itself
	uids        []int  // real, effective, saved, of the file system; none that cannot be told
	ended       bool   // a zombie
}

// processes lists all that /proc does.
func processes() (all []process, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := processOf(pid); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

// processOf reads one; not ok is one that is gone.
func processOf(pid int) (p process, ok bool) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	return parseProcess(pid, string(status)), err == nil
}

// parseProcess reads a /proc/PID/status.
func parseProcess(pid int, status string) process {
	p := process{pid: pid}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":\t")
		switch {
		case key == "Name":
			p.name = value
		case key == "State":
			p.ended = strings.HasPrefix(value, "Z") || strings.HasPrefix(value, "X")
		case key == "PPid":
			p.parent, _ = strconv.Atoi(value)
		case key == "Uid":
			p.uids = parseUIDs(value)
		}
	}
	return p
}

func parseUIDs(value string) (uids []int) {
	for _, field := range strings.Fields(value) {
		uid, err := strconv.Atoi(field)
		if err != nil {
			return nil
		}
		uids = append(uids, uid)
	}
	if len(uids) != 4 {
		return nil
	}
	return uids
}

// real and effective are uids, -1 where they cannot be told.
func (p process) real() int      { return p.uid(0) }
func (p process) effective() int { return p.uid(1) }

func (p process) uid(i int) int {
	if len(p.uids) == 0 {
		return -1
	}
	return p.uids[i]
}

// processesOf lists what runs and has one of these uids, as any of its four.
func processesOf(uids ...int) ([]process, error) {
	all, err := processes()
	return slices.DeleteFunc(all, func(p process) bool {
		return p.ended || !slices.ContainsFunc(uids, func(uid int) bool { return slices.Contains(p.uids, uid) })
	}), err
}

// programs are the processes that users run, by uid: those whose files their user may look at, whose /proc/PID/fd is his
// (proc(5)), and those that do not let him and have no reason to. The reasons: a program that became root, as passwd and su do; one whose
// parent is root, as what carries an SSH session. A parent that has ended is no reason: its children are PID 1's.
func programs() (map[int][]int, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
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
	return found, nil
}
