package script

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// process is one of /proc.
type process struct {
	pid, parent int
	state       byte // as in proc(5): R, S, D, Z …
}

// below lists what descends from a process and lives, zombies left out.
func below(pid int) (found []process) {
	children := map[int][]process{}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
	for _, dir := range dirs {
		text, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has ended
		}
		if p, err := parseStat(text); err == nil {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	todo := []int{pid}
	for len(todo) > 0 {
		next := children[todo[0]]
		todo = todo[1:]
		for _, p := range next {
			todo = append(todo, p.pid)
			if p.state != 'Z' && p.state != 'X' {
				found = append(found, p)
			}
		}
	}
	return found
}

// parseStat reads /proc/PID/stat: pid (name) state parent … A name may hold blanks and brackets.
func parseStat(text []byte) (process, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return process{}, fmt.Errorf("stat %q: no name", text)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	if err != nil {
		return process{}, fmt.Errorf("stat: %w", err)
	}
	rest := bytes.Fields(text[end+1:])
	if len(rest) < 2 || len(rest[0]) != 1 {
		return process{}, fmt.Errorf("stat %q: no state", text)
	}
	parent, err := strconv.Atoi(string(rest[1]))
	return process{pid: pid, parent: parent, state: rest[0][0]}, err
}

// killRounds bounds how often killTree looks again: who forks is met in the next round, and the account cannot have
// more than its limit.
const killRounds = 400

// killTree ends all that descends from this process. They are stopped first, so that none forks while others are ended.
func killTree(main int) {
	for range killRounds {
		all := below(os.Getpid())
		if len(all) == 0 {
			return
		}
		for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
			for _, p := range all {
				_ = syscall.Kill(p.pid, signal) // ESRCH: it has ended
			}
		}
		time.Sleep(2 * time.Millisecond)
		reap(main)
	}
}

// reap takes leave of orphans that fell back to this process and have ended, so that they do not count against the
// account. main is waited for elsewhere.
func reap(main int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		text, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue
		}
		p, err := parseStat(text)
		if err == nil && p.parent == os.Getpid() && p.state == 'Z' && p.pid != main {
			_, _ = syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		}
	}
}
