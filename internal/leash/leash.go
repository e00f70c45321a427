// Package leash runs a command that never outlives this process: when that ends, by whatever signal, the command and what it
// started are ended, too. A second process of this program (Verb) watches for that.
package leash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// grace is how long a command may take to end after it was asked to.
const grace = 10 * time.Second

// Run runs a command and tells its exit code. When ctx ends, the command and its children are asked to end, and killed
// if they do not; they are killed, too, when we are. On a terminal it stays in our group, so that it is in the foreground
// and gets Ctrl-C itself.
func Run(ctx context.Context, cmd *exec.Cmd, program string, terminal bool) (code int, err error) {
	held, err := newLeash(cmd, program, terminal)
	if err != nil {
		return 0, err
	}
	defer held.release()
	cmd.WaitDelay = time.Second // its children may have its output open for ever
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if err := held.hold(cmd); err != nil {
		return 0, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		held.askToEnd()
		patience := time.AfterFunc(grace, held.kill)
		err = <-ended
		patience.Stop()
		held.kill() // what it left behind, too
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return codeOf(exit), nil
	case errors.Is(err, exec.ErrWaitDelay):
		return 0, nil
	}
	return 0, err
}

// Verb is the hidden verb of the process that Run has beside its command.
const Verb = "watch-command"

// released is the word that lets a watcher go.
const released = "released"

// Watch is that verb: it reads until the pipe ends. Without the word in it, the one who runs the command was killed. It may be
// told a process to end; otherwise that is everything in its own group.
func Watch(in io.Reader, out io.Writer) error {
	ignoreSignals()
	fmt.Fprintln(out, "watching")
	text, err := io.ReadAll(in)
	told := strings.Fields(string(text))
	if err != nil || len(told) > 0 && told[len(told)-1] == released {
		return err
	}
	pid := 0
	if len(told) > 0 {
		pid, err = strconv.Atoi(told[0])
	}
	if err != nil || pid < 0 {
		return fmt.Errorf("%s: %q is no process", Verb, told[0])
	}
	return killWatched(pid)
}
