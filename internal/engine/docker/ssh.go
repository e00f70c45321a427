package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// sshDialer dials a daemon through the system's ssh, as docker does: each connection is one
// `ssh HOST docker system dial-stdio`, so keys, agents and host checks are those that the user already has.
func sshDialer(host string) (func(ctx context.Context, network, address string) (net.Conn, error), error) {
	args, err := sshArgs(host)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return dialCommand("ssh", args...)
	}, nil
}

// sshArgs is ssh's command line for ssh://[user@]host[:port].
func sshArgs(host string) ([]string, error) {
	u, err := url.Parse(host)
	switch {
	case err != nil:
		return nil, err
	case u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-"):
		return nil, fmt.Errorf("%s: no host name in it", host)
	case u.User != nil && strings.HasPrefix(u.User.Username(), "-"):
		return nil, fmt.Errorf("%s: no user name in it", host)
	case u.Path != "" && u.Path != "/":
		return nil, fmt.Errorf("%s: a path means nothing here", host)
	}
	args := []string{"-T", "-o", "ConnectTimeout=30"}
	if user := u.User.Username(); user != "" {
		if _, has := u.User.Password(); has {
			return nil, errors.New("ssh takes no password from an address: use a key")
		}
		args = append(args, "-l", user)
	}
	if u.Port() != "" {
		args = append(args, "-p", u.Port())
	}
	return append(args, "--", u.Hostname(), "docker", "system", "dial-stdio"), nil
}

// commandConn is a command's stdin and stdout as a connection. It lives on after the dial's context, as a connection
// does, and ends with Close.
type commandConn struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.ReadCloser
	stderr  bytes.Buffer // of ssh; read only after Wait
	reap    sync.Once
	waitErr error
}

func dialCommand(name string, args ...string) (net.Conn, error) {
	c := &commandConn{cmd: exec.Command(name, args...)}
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	c.cmd.Stderr = &c.stderr
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// wait reaps the command, once.
func (c *commandConn) wait() error {
	c.reap.Do(func() { c.waitErr = c.cmd.Wait() })
	return c.waitErr
}

// Read ends with what the command had to say when it failed.
func (c *commandConn) Read(p []byte) (int, error) {
	n, err := c.out.Read(p)
	if err == io.EOF && c.wait() != nil && c.stderr.Len() > 0 {
		return n, fmt.Errorf("%s: %s", c.cmd.Path, strings.TrimSpace(c.stderr.String()))
	}
	return n, err
}

func (c *commandConn) Write(p []byte) (int, error) { return c.in.Write(p) }
func (c *commandConn) CloseWrite() error           { return c.in.Close() }

func (c *commandConn) Close() error {
	c.in.Close()
	c.cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
	c.wait()             //nolint:errcheck // killed, or ended: either is what Close is for
	return nil
}

func (c *commandConn) LocalAddr() net.Addr  { return commandAddr{} }
func (c *commandConn) RemoteAddr() net.Addr { return commandAddr{} }

// Deadlines are those of the pipes, which os/exec makes of files.
func (c *commandConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *commandConn) SetReadDeadline(t time.Time) error {
	if f, ok := c.out.(*os.File); ok {
		return f.SetReadDeadline(t)
	}
	return os.ErrNoDeadline
}

func (c *commandConn) SetWriteDeadline(t time.Time) error {
	if f, ok := c.in.(*os.File); ok {
		return f.SetWriteDeadline(t)
	}
	return os.ErrNoDeadline
}

type commandAddr struct{}

func (commandAddr) Network() string { return "command" }
func (commandAddr) String() string  { return "ssh" }
