package docker

import (
	"context"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"maillab/internal/engine"
)

// Exec runs a command as root in a sandbox, without a terminal. It starts with all of the container's capabilities and
// is therefore for the teacher only: nothing that a student controls may come this way.
func (e *Engine) Exec(ctx context.Context, instance string, seat int, cmd []string, s engine.IO) (int, error) {
	name := sandboxName(instance, seat)
	attached, id, err := e.attach(ctx, name, container.ExecOptions{
		User: "0:0", Cmd: cmd, AttachStdin: s.In != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, explain(notRunning(err), "exec in sandbox %d of %s", seat, instance)
	}
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)()
	go feed(attached.Conn, s.In)
	if _, err := stdcopy.StdCopy(orDiscard(s.Out), orDiscard(s.Err), attached.Reader); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, explain(err, "exec in sandbox %d of %s", seat, instance)
	}
	ended, err := e.api.ContainerExecInspect(ctx, id)
	if err != nil {
		return 0, explain(err, "exec in sandbox %d of %s", seat, instance)
	}
	if ended.Running {
		return 0, fmt.Errorf("exec in sandbox %d of %s: its streams ended, and it did not", seat, instance)
	}
	return ended.ExitCode, nil
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
