//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long a child may take to end after SIGTERM.
const grace = 3 * time.Second

// keeper keeps one child process running: it is started, and when it ends started again, at once the first time and
// after at most a second when it goes on ending.
type keeper struct {
	name  string
	log   *slog.Logger
	start func(ctx context.Context) (*child, error)
	again chan struct{} // buffered 1: end the child and start a new one
	ready chan struct{} // closed when the first child runs
}

// child is a running process and what has to be done when it has ended.
type child struct {
	cmd *exec.Cmd
	end func()
}

func newKeeper(name string, log *slog.Logger, start func(context.Context) (*child, error)) *keeper {
	return &keeper{name: name, log: log.With("process", name), start: start, again: make(chan struct{}, 1), ready: make(chan struct{})}
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
	started := sync.OnceFunc(func() { close(k.ready) })
	var delay time.Duration
	for ctx.Err() == nil {
		born := time.Now()
		c, err := k.start(ctx)
		if err != nil {
			k.log.Error("not started", "err", err)
		} else {
			k.log.Info("started", "pid", c.cmd.Process.Pid)
			started()
			k.watch(ctx, c)
		}
		if time.Since(born) > 10*time.Second {
			delay = 0
		}
		pause(ctx, delay)
		delay = min(time.Second, 2*delay+50*time.Millisecond)
	}
}

// watch returns when the child has ended, by itself or because it was told to.
func (k *keeper) watch(ctx context.Context, c *child) {
	ended := make(chan error, 1)
	go func() { ended <- c.cmd.Wait() }()
	defer c.end()
	select {
	case err := <-ended:
		k.log.Warn("ended by itself", "err", err, "state", fmt.Sprint(c.cmd.ProcessState))
		return
	case <-k.again:
	case <-ctx.Done():
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(grace):
		k.log.Warn("does not end: killed")
		_ = c.cmd.Process.Kill()
		<-ended
	}
	k.log.Info("ended", "state", fmt.Sprint(c.cmd.ProcessState))
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// confine is what a child is born with less of.
type confine struct {
	bounding []uintptr // the capabilities that it, or a setuid program that it runs, can ever have
	noNew    bool      // no_new_privs: setuid programs do not become anybody else
}

// startConfined starts cmd from a thread of its own. Both settings belong to a thread and are inherited; the thread is
// thrown away, as there is no way back. (So no Pdeathsig: it would fire with the thread.)
func startConfined(cmd *exec.Cmd, c confine) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := dropBounding(c.bounding)
		if err == nil && c.noNew {
			err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		}
		if err == nil {
			err = cmd.Start()
		}
		done <- err
	}()
	return <-done
}
