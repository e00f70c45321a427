//go:build linux

package sandbox

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// programs are the processes that users run, by uid: those whose files their user may look at, whose /proc/PID/fd is his
// (proc(5)), and those that do not let him and have no reason to. The reasons: a program that became root, as passwd and su do; one whose
// parent is root, as what carries an SSH session. A parent that has ended is no reason: its children are PID 1's.
func programs() (map[int][]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	all := map[int]identity{}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if status, err := os.ReadFile("/proc/" + e.Name() + "/status"); err == nil {
				all[pid] = parseIdentity(string(status))
			}
		}
	}
	found := map[int][]int{}
	for pid, p := range all {
		var st unix.Stat_t
		if p.uid <= 0 || p.ended || p.effective == 0 || unix.Lstat("/proc/"+strconv.Itoa(pid)+"/fd", &st) != nil {
			continue
		}
		parent, known := all[p.parent]
		if int(st.Uid) == p.uid || !(known && parent.uid == 0 && p.parent != 1) {
			found[p.uid] = append(found[p.uid], pid)
		}
	}
	return found, nil
}

// identity is who a process is; uid -1 is nobody that can be told.
type identity struct {
	uid, effective, parent int
	ended                  bool
}

// parseIdentity reads a /proc/PID/status.
func parseIdentity(status string) identity {
	id := identity{uid: -1, effective: -1}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case key == "State" && len(fields) > 0:
			id.ended = fields[0] == "Z" || fields[0] == "X"
		case key == "PPid" && len(fields) > 0:
			id.parent, _ = strconv.Atoi(fields[0])
		case key == "Uid" && len(fields) == 4: // real, effective, saved, file system
			id.uid, _ = strconv.Atoi(fields[0])
			id.effective, _ = strconv.Atoi(fields[1])
		}
	}
	return id
}
