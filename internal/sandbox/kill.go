//go:build linux

package sandbox

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

// killAll ends all processes of a uid, and returns when there is none left.
func killAll(uid int) error {
	_, err := killBut(uid, "")
	return err
}

// killBut is killAll but for those with one name, and returns those. A process that forks faster than it is found is met
// again in the next round; the account cannot have more than its limit.
func killBut(uid int, name string) (spared []process, err error) {
	for range 100 {
		all, err := processesOf(uid)
		if err != nil {
			return nil, err
		}
		var others []process
		spared = nil
		for _, p := range all {
			if p.name == name {
				spared = append(spared, p)
			} else {
				others = append(others, p)
			}
		}
		if len(others) == 0 {
			return spared, nil
		}
		if err := kill(others); err != nil {
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, fmt.Errorf("uid %d goes on to have processes", uid)
}

// endSessions ends all processes of a uid that there are now, and leaves a second to what carries SSH sessions: when the
// shell is gone, it brings its last words to the student and ends by itself. Any process can call itself sshd; it gains
// that second. Who logs in again meanwhile is left alone.
func endSessions(uid int) error {
	carriers, err := killBut(uid, "sshd")
	for end := time.Now().Add(time.Second); err == nil && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		carriers = slices.DeleteFunc(carriers, func(p process) bool { return syscall.Kill(p.pid, 0) == syscall.ESRCH })
		if len(carriers) == 0 {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return kill(carriers)
}

func kill(all []process) error {
	for _, p := range all {
		if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("ending process %d: %w", p.pid, err)
		}
	}
	return nil
}
