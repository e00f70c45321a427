//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/period"
)

// children are the processes that labinit starts, and, as it is PID 1 of its container, those whose parents have ended: it
// waits for all of them, in one place. Nobody else may: not exec.Cmd.Wait either.
type children struct {
	mu   sync.Mutex // held while a process is started and entered, and while those that ended are waited for
	runs map[int]chan syscall.WaitStatus
}

func newChildren() *children { return &children{runs: map[int]chan syscall.WaitStatus{}} }

// child is a process that was started. What it is told by signal never reaches another that got its number.
type child struct {
	pid   int
	of    *children
	ended chan syscall.WaitStatus // buffered: it gets one status
}

// start starts cmd, whose streams are files or nothing.
func (c *children) start(cmd *exec.Cmd, from starter) (child, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := from.start(cmd); err != nil {
		return child{}, err
	}
	ended, pid := make(chan syscall.WaitStatus, 1), cmd.Process.Pid
	c.runs[pid] = ended
	_ = cmd.Process.Release() // it is waited for here
	return child{pid, c, ended}, nil
}

// signal does nothing to a child that has ended.
func (c child) signal(s syscall.Signal) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.of.runs[c.pid] == c.ended { // not of another child that has its number by now
		_ = syscall.Kill(c.pid, s)
	}
}

// wait waits for what ends, until ctx does.
func (c *children) wait(ctx context.Context) {
	news := make(chan os.Signal, 1)
	signal.Notify(news, syscall.SIGCHLD)
	defer signal.Stop(news)
	for {
		c.reap()
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

// reap waits for those that have ended by now.
func (c *children) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ended := c.runs[pid]; ended != nil {
			ended <- status
			delete(c.runs, pid)
		}
	}
}

// describe is how a process ended, for the log.
func describe(s syscall.WaitStatus) string {
	if s.Signaled() {
		return "signal: " + s.Signal().String()
	}
	return fmt.Sprintf("exit status %d", s.ExitStatus())
}

// logged is a file for a child's standard error: what it writes, until nobody has the file open any more, goes to the log,
// a line each. The caller closes his copy once the child has its own.
func logged(log *slog.Logger) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		defer r.Close()
		_, _ = io.CopyBuffer(&lines{log: log}, struct{ io.Reader }{r}, make([]byte, 512)) // a file has a buffer of its own for it, of 32 KiB
	}()
	return w, nil
}

// grace is how long a child may take to end after SIGTERM.
const grace = 3 * time.Second

// keeper keeps one child process running: it is started, and when it ends started again, at once the first time and
// after at most a second when it goes on ending.
type keeper struct {
	log   *slog.Logger
	start func(ctx context.Context) (kept, error)
	again chan struct{} // buffered 1: end the child and start a new one
}

// kept is a running child and what has to be done when it has ended.
type kept struct {
	child
	end func()
}

func newKeeper(name string, log *slog.Logger, start func(context.Context) (kept, error)) *keeper {
	return &keeper{log: log.With("process", name), start: start, again: make(chan struct{}, 1)}
}

// restart ends the child; run starts the next one.
func (k *keeper) restart() {
	select {
	case k.again <- struct{}{}:
	default: // one is asked for already
	}
}

// run returns when ctx has ended and the child, too.
func (k *keeper) run(ctx context.Context) {
	var delay time.Duration
	for ctx.Err() == nil {
		born := time.Now()
		c, err := k.start(ctx)
		if err != nil {
			k.log.Error("not started", "err", err)
		} else {
			k.log.Info("started", "pid", c.pid)
			k.watch(ctx, c)
		}
		if time.Since(born) > 10*time.Second {
			delay = 0
		}
		_ = period.Wait(ctx, delay) // who goes on looks at ctx
		delay = min(time.Second, 2*delay+50*time.Millisecond)
	}
}

// watch returns when the child has ended, by itself or because it was told to.
func (k *keeper) watch(ctx context.Context, c kept) {
	defer c.end()
	select {
	case status := <-c.ended:
		k.log.Warn("ended by itself", "state", describe(status))
		return
	case <-k.again:
	case <-ctx.Done():
	}
	c.signal(syscall.SIGTERM)
	var status syscall.WaitStatus
	select {
	case status = <-c.ended:
	case <-time.After(grace):
		k.log.Warn("does not end: killed")
		c.signal(syscall.SIGKILL)
		status = <-c.ended
	}
	k.log.Info("ended", "state", describe(status))
}

// confine is what a child is born with less of.
type confine struct {
	bounding []uintptr // the capabilities that it, or a setuid program that it runs, can ever have
	noNew    bool      // no_new_privs: setuid programs do not become anybody else
}

// starter starts children from a thread of its own: both settings belong to a thread, are inherited, and cannot be taken
// back. (So no Pdeathsig: it would fire with the thread.) The thread is there before the first child is wanted: when
// students have used up the processes of the container, a Go program that needs a new thread dies.
type starter chan starting

type starting struct {
	cmd  *exec.Cmd
	done chan error
}

func newStarter(c confine) starter {
	s := make(starter)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := dropBounding(c.bounding)
		if err == nil && c.noNew {
			err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		}
		for next := range s {
			if err != nil {
				next.done <- err
			} else {
				next.done <- next.cmd.Start()
			}
		}
	}()
	return s
}

func (s starter) start(cmd *exec.Cmd) error {
	next := starting{cmd, make(chan error)}
	s <- next
	return <-next.done
}
