//go:build linux

package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What checks need of a student's home, beside mailboxes:
//
//	{"id":20,"op":"read","user":"util1","box":"compte.sh"}          → {"id":20} + the open file
//	{"id":21,"op":"run","user":"util1"} + one end of a stream socket → {"id":21}; the rest is package script's
const (
	opRead = "read"
	opRun  = "run"
)

// Runner is a Backend that can start the helper of package script for a user, with its end of the leash.
type Runner interface {
	StartScript(ctx context.Context, user string, leash *os.File) error
}

// Read opens a user's file for reading: a path below the home, or an absolute one. As with boxes, no step may be a
// symbolic link, and what is opened is a regular file of the user's own.
func (c *Client) Read(ctx context.Context, user, path string) (*os.File, error) {
	a, err := c.ask(ctx, request{Op: opRead, User: user, Box: path}, nil)
	if err != nil {
		return nil, err
	}
	if a.file == nil {
		return nil, fmt.Errorf("read %s %s: the answer holds no file", user, path)
	}
	return a.file, nil
}

// Script starts package script's helper for a user and returns the connection to it.
func (c *Client) Script(ctx context.Context, user string) (net.Conn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("script: socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "leash")
	defer theirs.Close()
	ours := os.NewFile(uintptr(fds[0]), "leash")
	defer ours.Close() // FileConn has a copy of its own
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	if _, err := c.ask(ctx, request{Op: opRun, User: user}, theirs); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// Read is Client.Read, on this side.
func (f *Files) Read(ctx context.Context, user, path string) (*os.File, error) {
	owner, err := f.Lookup(user)
	if err != nil {
		return nil, err
	}
	top, rel := owner.Home, filepath.Clean(path)
	if filepath.IsAbs(path) {
		top, rel = "/", strings.TrimPrefix(rel, "/")
	}
	steps := strings.Split(rel, "/")
	if path == "" || rel == "." || steps[0] == ".." || len(steps) > maxDepth {
		return nil, refused(syscall.EINVAL, "%q is no file of %s's", path, user)
	}
	var file *os.File
	var inner error
	err = f.crew.as(ctx, owner.UID, owner.GID, func() {
		var dir int
		if dir, inner = unix.Open(top, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0); inner != nil {
			return
		}
		for _, step := range steps[:len(steps)-1] {
			next, err := enterStep(dir, step, false)
			unix.Close(dir)
			if inner = err; err != nil {
				return
			}
			dir = next
		}
		defer unix.Close(dir)
		file, inner = openPlain(dir, steps[len(steps)-1], unix.O_RDONLY, 0, owner)
	})
	return file, errors.Join(err, inner)
}

// student does what is asked of a student's home.
func (s *session) student(ctx context.Context, req request, body *os.File) (*os.File, error) {
	if req.Op == opRead {
		return s.files.Read(ctx, req.User, req.Box)
	}
	runner, ok := s.backend.(Runner)
	if !ok || body == nil {
		return nil, fmt.Errorf("running scripts: %w", syscall.ENOSYS)
	}
	return nil, runner.StartScript(ctx, req.User, body)
}
