package docker

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"maillab/internal/engine"
)

// Dial execs `gateway stream` in the gateway's container, which relays its stdin and stdout to the gateway's socket, and
// makes one connection of the two.
func (e *Engine) Dial(ctx context.Context, instance string) (net.Conn, error) {
	attached, _, err := e.attach(ctx, gatewayName(instance), container.ExecOptions{
		User: gatewayAs(), Cmd: []string{gateway, "stream"}, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, explain(notRunning(err), "dial gateway of %s", instance)
	}
	return newStream(attached), nil
}

// attach creates an exec and starts it.
func (e *Engine) attach(ctx context.Context, name string, options container.ExecOptions) (types.HijackedResponse, string, error) {
	created, err := e.api.ContainerExecCreate(ctx, name, options)
	if err != nil {
		return types.HijackedResponse{}, "", err
	}
	attached, err := e.api.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	return attached, created.ID, err
}

// notRunning turns the daemon's 409 about a container that does not run into what it means to a caller: there is nobody.
func notRunning(err error) error {
	if err != nil && (strings.Contains(err.Error(), "is not running") || strings.Contains(err.Error(), "is paused")) {
		return fmt.Errorf("%w: %w", engine.ErrNotFound, err)
	}
	return err
}

// stream is an exec's stdin and stdout as one net.Conn. Deadlines are those of the connection to the daemon.
type stream struct {
	net.Conn
	frames *frames
}

func newStream(r types.HijackedResponse) *stream {
	return &stream{Conn: r.Conn, frames: &frames{from: r.Reader}}
}

// Read returns what came on stdout. At the end it says what came on stderr, if nothing else had come: the program could
// not do its work.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.frames.Read(p)
	if err == io.EOF && !s.frames.some && len(s.frames.stderr) > 0 {
		return 0, fmt.Errorf("gateway: %s", strings.TrimSpace(string(s.frames.stderr)))
	}
	return n, err
}

// CloseWrite ends stdin.
func (s *stream) CloseWrite() error {
	if c, ok := s.Conn.(types.CloseWriter); ok {
		return c.CloseWrite()
	}
	return nil
}

// stderrKept bounds what is kept of stderr, in bytes.
const stderrKept = 2048

// frames takes apart the daemon's stream of frames: a byte that says which (1 stdout, 2 stderr, 3 the daemon's own
// error), three of zero, the length in four bytes, big endian, and the content (Docker's API, "Attach to a container").
// Its state survives a read that was interrupted by a deadline.
type frames struct {
	from   *bufio.Reader
	kind   byte
	left   uint32 // of the current frame's content
	some   bool   // something came on stdout
	stderr []byte // the beginning of what came on anything else
}

const frameHeader = 8

// Read returns the content of stdout only.
func (f *frames) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		for f.left == 0 {
			if err := f.header(); err != nil {
				return 0, err
			}
		}
		if f.kind == 1 {
			n, err := f.from.Read(p[:min(len(p), int(f.left))])
			f.left -= uint32(n)
			f.some = f.some || n > 0
			return n, unexpected(err)
		}
		if err := f.aside(); err != nil {
			return 0, err
		}
	}
}

// header reads the next frame's. Peek keeps what it has when it is interrupted.
func (f *frames) header() error {
	head, err := f.from.Peek(frameHeader)
	if err != nil {
		if err == io.EOF && len(head) > 0 {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	if head[0] > 3 || head[1]|head[2]|head[3] != 0 {
		return fmt.Errorf("the daemon's stream is broken: a frame begins with % x", head)
	}
	f.kind, f.left = head[0], binary.BigEndian.Uint32(head[4:])
	_, err = f.from.Discard(frameHeader)
	return err
}

// aside reads a piece of a frame that is not stdout's and keeps its beginning.
func (f *frames) aside() error {
	var piece [512]byte
	n, err := f.from.Read(piece[:min(len(piece), int(f.left))])
	f.left -= uint32(n)
	f.stderr = append(f.stderr, piece[:min(n, stderrKept-len(f.stderr))]...)
	return unexpected(err)
}

// unexpected is for an end in the middle of a frame.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
