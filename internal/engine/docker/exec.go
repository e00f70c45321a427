package docker

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"maillab/internal/engine"
)

// Exec runs a command as root in a sandbox, without a terminal. It starts with all of the container's capabilities and
// is therefore for the teacher only: nothing that a student controls may come this way.
func (e *Engine) Exec(ctx context.Context, instance string, seat int, cmd []string, s engine.IO) (int, error) {
	code, err := e.execIn(ctx, sandboxName(instance, seat), cmd, s)
	return code, explain(err, "exec in sandbox %d of %s", seat, instance)
}

// execIn runs it in a container.
func (e *Engine) execIn(ctx context.Context, name string, cmd []string, s engine.IO) (int, error) {
	attached, id, err := e.attach(ctx, name, container.ExecOptions{
		User: "0:0", Cmd: cmd, AttachStdin: s.In != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, notRunning(err)
	}
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)()
	go feed(attached.Conn, s.In)
	gone := make(chan struct{})
	defer close(gone)
	from := &watched{Reader: attached.Reader}
	go e.closeWhenEnded(ctx, id, from, attached.Close, gone)
	if _, err := stdcopy.StdCopy(orDiscard(s.Out), orDiscard(s.Err), from); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if ended, wrong := e.api.ContainerExecInspect(ctx, id); wrong == nil && !ended.Running {
			return ended.ExitCode, nil // what it left in the background has its output open
		}
		return 0, err
	}
	ended, err := e.api.ContainerExecInspect(ctx, id)
	if err != nil {
		return 0, err
	}
	if ended.Running {
		return 0, errors.New("its streams ended, and it did not")
	}
	return ended.ExitCode, nil
}

// lookAgain is how often it is asked whether a command has ended whose output is open.
const lookAgain = 500 * time.Millisecond

// watched knows since when its reader waits for something to come.
type watched struct {
	io.Reader
	since atomic.Pointer[time.Time] // nil: what came is being handed on
}

func (w *watched) Read(p []byte) (int, error) {
	now := time.Now()
	w.since.Store(&now)
	defer w.since.Store(nil)
	return w.Reader.Read(p)
}

// idle tells whether nothing has come for as long as it takes to look again.
func (w *watched) idle() bool {
	since := w.since.Load()
	return since != nil && time.Since(*since) > lookAgain
}

// closeWhenEnded closes the streams of a command that has ended, once nothing comes any more: a program that it left in the
// background may have them open.
func (e *Engine) closeWhenEnded(ctx context.Context, id string, from *watched, closeStreams func(), gone <-chan struct{}) {
	ended := false
	for {
		select {
		case <-gone:
			return
		case <-time.After(lookAgain):
		}
		if ended && from.idle() {
			closeStreams()
			return
		}
		if ended {
			continue
		}
		state, err := e.api.ContainerExecInspect(ctx, id)
		ended = err == nil && !state.Running
	}
}

// feed copies in to the command and ends its stdin. It ends with the connection.
func feed(conn io.Writer, in io.Reader) {
	if in == nil {
		return
	}
	io.Copy(conn, in) //nolint:errcheck // a command need not read all of it
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite() //nolint:errcheck // as above
	}
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}
