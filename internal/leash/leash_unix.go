//go:build unix

package leash

import (
	"fmt"
	"io"
	"os/exec"
	"os/signal"
	"syscall"
)

// leash ends a command with this process, even where SIGKILL ends that: a process of its own waits for our end of a pipe
// to be closed without a word. The command and what it starts are in that process's group from the start, so that no
// moment is too early for us to be killed. On a terminal they stay in ours, the one in the foreground, and the watcher
// is told the command's number.
type leash struct {
	watcher *exec.Cmd
	word    io.WriteCloser
	ready   io.Reader // says a line when the watcher ignores what is for its group
	pid     int       // for kill: of the command, or minus a group's
}

// newLeash is for a command that has not started yet. The program is our own; where it is not known, nobody watches.
func newLeash(cmd *exec.Cmd, program string, terminal bool) (*leash, error) {
	if !terminal {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	if program == "" {
		return &leash{}, nil
	}
	watcher := exec.Command(program, Verb)
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	word, err := watcher.StdinPipe()
	if err != nil {
		return nil, err
	}
	ready, err := watcher.StdoutPipe()
	if err == nil {
		err = watcher.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("watch over the command: %w", err)
	}
	l := &leash{watcher: watcher, word: word, ready: ready}
	if !terminal {
		cmd.SysProcAttr.Pgid = watcher.Process.Pid
		l.pid = -watcher.Process.Pid
	}
	return l, nil
}

// hold is for the command when it has started.
func (l *leash) hold(cmd *exec.Cmd) error {
	switch {
	case l.pid == 0 && cmd.SysProcAttr != nil: // nobody watches
		l.pid = -cmd.Process.Pid
	case l.pid == 0:
		l.pid = cmd.Process.Pid
		if l.word != nil {
			_, err := fmt.Fprintf(l.word, "%d\n", l.pid)
			return err
		}
	}
	return nil
}

// release says the word: the command has ended, or never began. A watcher that was killed with its group has no use for it.
func (l *leash) release() {
	if l.watcher != nil {
		_, _ = io.WriteString(l.word, released+"\n")
		_ = l.word.Close()
		_ = l.watcher.Wait()
	}
}

// askToEnd and kill may come too late: then there is nothing to do.
func (l *leash) askToEnd() {
	if l.ready != nil {
		_, _ = l.ready.Read(make([]byte, 1)) // one that has died will not watch, and does not keep us
	}
	_ = syscall.Kill(l.pid, syscall.SIGTERM)
}

func (l *leash) kill() { _ = syscall.Kill(l.pid, syscall.SIGKILL) }

// ignoreSignals: what is for the group is not for its watcher, nor does it end when nobody is left to be told that it watches.
func ignoreSignals() { signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE) }

// killWatched ends a command, or, where pid is 0, everything in our group, with us.
func killWatched(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

// codeOf is a command's exit code, as a shell tells it.
func codeOf(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
