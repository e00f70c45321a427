package script

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal makes a pseudo-terminal for a student (pty(7)).
func openTerminal(s Student) (*ends, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/ptmx: %w", err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx") // non-blocking: Go's poller has it
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("unlocking a terminal: %w", err), master.Close())
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("naming a terminal: %w", err), master.Close())
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	slave, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err == nil {
		err = slave.Chown(s.UID, -1) // so that the script may open /dev/tty's real name
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("terminal %s: %w", name, err), master.Close())
	}
	return &ends{terminal: true, in: slave, out: slave, write: master, read: master, last: time.Now()}, nil
}

// Typing waits until the script has been quiet for so long, and all its processes have slept for so long: it reads. A
// line that is typed before stty -echo has run would be seen, whatever the script does.
const (
	quiet    = 400 * time.Millisecond
	lookEach = 50 * time.Millisecond
)

// typeLines types each line when the script waits for it.
func (e *ends) typeLines(text string) {
	for _, line := range strings.SplitAfter(text, "\n") {
		if line == "" {
			continue
		}
		e.untilQuiet()
		if _, err := e.write.WriteString(strings.ReplaceAll(line, "\n", "\r")); err != nil { // Return is CR (termios(3), ICRNL)
			return
		}
		e.mu.Lock()
		e.last = time.Now()
		e.mu.Unlock()
	}
}

func (e *ends) untilQuiet() {
	asleep := time.Now()
	for {
		time.Sleep(lookEach)
		ps := below(os.Getpid())
		if len(ps) == 0 {
			return // it has ended
		}
		for _, p := range ps {
			if p.state == 'R' || p.state == 'D' {
				asleep = time.Now()
			}
		}
		e.mu.Lock()
		last := e.last
		e.mu.Unlock()
		if time.Since(last) >= quiet && time.Since(asleep) >= quiet/2 {
			return
		}
	}
}
