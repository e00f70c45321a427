//go:build linux

package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/belongings"
	"maillab/internal/broker"
)

// EndReaders implements broker.Keeper. A program that has a mailbox open holds a picture of it that must not get into
// the next epoch: it is killed, not asked, because on any other exit mail(1) saves what it has. Shells are left alone,
// whatever they were redirected to, unless they start readers again and again: then all that the account runs is ended.
func (s *Supervisor) EndReaders(ctx context.Context, users []string) (all []belongings.Ended, err error) {
	for round := range readerRounds {
		readers, err := s.readers(ctx, users)
		if err != nil || len(readers) == 0 {
			return all, errors.Join(err, s.tell(ctx, all))
		}
		for pid, reader := range readers {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
				return all, fmt.Errorf("ending %s of %s: %w", reader.Program, reader.Account, err)
			}
			if !slices.Contains(all, reader) {
				all = append(all, reader)
			}
		}
		if round == patientRounds {
			err = s.endAll(readers)
		}
		if err := errors.Join(err, gone(ctx, readers)); err != nil {
			return all, err
		}
	}
	return all, errors.Join(fmt.Errorf("somebody goes on opening mailboxes: %v", all[len(all)-1]), s.tell(ctx, all))
}

// Readers are looked for so often, and so often they are ended without what starts them.
const (
	readerRounds  = 20
	patientRounds = 3
)

// endAll ends what the accounts run that have these readers.
func (s *Supervisor) endAll(readers map[int]belongings.Ended) error {
	accounts := map[string]bool{}
	for _, reader := range readers {
		accounts[reader.Account] = true
	}
	for name := range accounts {
		owner, err := s.owner(name)
		if err != nil {
			return err
		}
		s.log.Info("ending all that an account runs: it goes on opening its mailboxes", "account", name)
		if err := endSessions(owner.UID); err != nil {
			return fmt.Errorf("account %s: %w", name, err)
		}
	}
	return nil
}

// tell tells users what became of their mail readers.
func (s *Supervisor) tell(ctx context.Context, ended []belongings.Ended) error {
	told := map[string]bool{}
	sb := s.snapshot().spec
	for _, one := range ended {
		if told[one.Account] || sb == nil {
			continue
		}
		told[one.Account] = true
		text := "*** The mailboxes are being reset: your mail reader was ended."
		if a, _ := sb.Account(one.Account); a.Lang == "fr" {
			text = "*** Les boîtes sont remises à zéro : votre lecteur de courrier a été arrêté."
		}
		if err := s.files.Tell(ctx, one.Account, text); err != nil {
			s.log.Warn("a student was not told", "account", one.Account, "err", err)
		}
	}
	return ctx.Err()
}

// readers finds the users' programs that have one of their mailboxes open, by process number. Only the user himself, as
// one who could trace it, may see what a process has open (proc_pid_fd(5)): it is looked up with his identity.
// What is not dumpable shows it to root alone; those belong to nobody who reads mail with them.
func (s *Supervisor) readers(ctx context.Context, users []string) (map[int]belongings.Ended, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	theirs := map[int][]process{}
	for _, p := range all {
		if !p.ended && !isShell(p.name) {
			theirs[p.effective()] = append(theirs[p.effective()], p)
		}
	}
	found := map[int]belongings.Ended{}
	for _, user := range users {
		owner, unknown := s.owner(user)
		if unknown != nil {
			return nil, unknown
		}
		if len(theirs[owner.UID]) == 0 {
			continue
		}
		err = errors.Join(err, s.files.As(ctx, user, func(broker.Owner) error {
			for _, p := range theirs[owner.UID] {
				if hasOpen(p.pid, user, owner.Home) {
					found[p.pid] = belongings.Ended{Account: user, Program: p.name}
				}
			}
			return nil
		}))
	}
	return found, err
}

// isShell is by name: a login shell's name may begin with a dash.
func isShell(program string) bool {
	switch strings.TrimPrefix(program, "-") {
	case "sh", "bash", "dash", "rbash", "ksh", "zsh", "fish", "sshd", "screen", "tmux: server", "tmux: client":
		return true
	}
	return false
}

// hasOpen tells whether a process has a mailbox of the user's open, or one that was his and has been replaced.
func hasOpen(pid int, user, home string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false // gone, or not one of his to look at
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		target = strings.TrimSuffix(target, " (deleted)")
		if err == nil && (target == "/var/mail/"+user || target == home+"/mbox" || strings.HasPrefix(target, home+"/mail/")) {
			return true
		}
	}
	return false
}

// gone waits until killed processes have ended.
func gone(ctx context.Context, pids map[int]belongings.Ended) error {
	for pid := range pids {
		for p, ok := processOf(pid); ok && !p.ended; p, ok = processOf(pid) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(2 * time.Millisecond):
			}
		}
	}
	return nil
}

// EndLease implements broker.Keeper. It runs on a thread that has the user's identity. The lease belongs to an open file,
// which a child of who took it may have: so all of the user's programs that have the mailbox open are ended, and whoever
// is named in /proc/locks if he is the user's; if that was not enough (a file may be on its way in a socket), all of them.
func (s *Supervisor) EndLease(ctx context.Context, user string) error {
	owner, err := s.owner(user)
	if err != nil {
		return err
	}
	named, err := leaseHolders("/var/mail/" + user)
	if err != nil {
		return err
	}
	theirs, err := processesOf(owner.UID)
	if err != nil {
		return err
	}
	holders := slices.DeleteFunc(theirs, func(p process) bool { return !slices.Contains(named, p.pid) && !hasOpen(p.pid, user, owner.Home) })
	s.log.Info("ending who holds a lease on a mailbox", "account", user, "processes", len(holders))
	if err := kill(holders); err != nil {
		return err
	}
	if s.leaseEnds(ctx, user) {
		return nil
	}
	s.log.Info("ending all that an account runs: one of it holds a lease on a mailbox", "account", user)
	return killAll(owner.UID)
}

// leaseDies is how long a killed process may take to let go of its lease.
const leaseDies = 200 * time.Millisecond

// leaseEnds waits for it.
func (s *Supervisor) leaseEnds(ctx context.Context, user string) bool {
	for end := time.Now().Add(leaseDies); ctx.Err() == nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		fd, err := unix.Open("/var/mail/"+user, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		if err != unix.EWOULDBLOCK {
			return true
		}
	}
	return false
}

// leaseHolders are who took leases on a mailbox, from /proc/locks, which names them by the file's device and inode. A
// number in it may be another process's by now.
func leaseHolders(mailbox string) (pids []int, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(mailbox, &st); err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	device, ok := deviceAt(string(mounts), filepath.Dir(mailbox))
	if !ok {
		device = [2]uint32{unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev))}
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if pid, ok := leaseHolder(lines.Text(), locked(device, st.Ino)); ok {
			pids = append(pids, pid)
		}
	}
	return pids, lines.Err()
}

// deviceAt is the device, major and minor, of what is mounted at a place, from the lines of proc_pid_mountinfo(5):
// "36 35 98:0 /there /at rw - ext4 …". The last mount hides those before it. /proc/locks names files by this device;
// stat(2) tells another one where a file system has several (btrfs).
func deviceAt(mounts, at string) (device [2]uint32, ok bool) {
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 5 || f[4] != at {
			continue
		}
		var one [2]uint32
		if _, err := fmt.Sscanf(f[2], "%d:%d", &one[0], &one[1]); err == nil {
			device, ok = one, true
		}
	}
	return device, ok
}

// locked is a file as /proc/locks has it: its device in hexadecimal, its inode in decimal. The inode alone is somebody
// else's file on another volume, too.
func locked(device [2]uint32, inode uint64) string {
	return fmt.Sprintf("%02x:%02x:%d", device[0], device[1], inode)
}

// leaseHolder reads a line of /proc/locks: "1: LEASE  BREAKING  READ  1234 08:01:5678 0 EOF".
func leaseHolder(line, file string) (pid int, ok bool) {
	f := strings.Fields(line)
	if len(f) < 6 || f[1] != "LEASE" || f[5] != file {
		return 0, false
	}
	pid, err := strconv.Atoi(f[4])
	return pid, err == nil && pid > 1
}
