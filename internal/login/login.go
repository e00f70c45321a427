// Package login opens real SSH sessions into sandboxes for the teacher. No password is asked for: a key that is made for one
// command is let in for a minute, over the instance's control stream, and the host key is known from there.
package login

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// NoAccountError is an account that a sandbox does not have.
type NoAccountError struct {
	Seat          int
	Wanted, There string
}

func (e *NoAccountError) Error() string {
	return fmt.Sprintf("sandbox %d has no account %q: %s", e.Seat, e.Wanted, e.There)
}

// keyLife is how long a key that maillab makes for one command is let in: sessions that it opened stay.
const keyLife = time.Minute

// Open opens an SSH connection to a sandbox as one of its accounts, "" being the student's first.
func Open(ctx context.Context, c *control.Client, s instance.Sandbox, student, account string) (*ssh.Client, error) {
	asked, done := context.WithTimeout(ctx, loginPatience)
	defer done()
	account, err := accountFor(asked, c, s, student, account)
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	line, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	allowed := control.Authorize{Account: account, Key: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line))), For: keyLife}
	if err := c.Seat(s.Seat).Authorize(asked, allowed); err != nil {
		return nil, err
	}
	text, err := c.Seat(s.Seat).HostKey(asked)
	if err != nil {
		return nil, err
	}
	hostKey, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("host key of sandbox %d: %w", s.Seat, err)
	}
	conn, err := c.Seat(s.Seat).Stream(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(asked, func() { conn.Close() }) // a sandbox that hangs must not hang us
	secured, channels, requests, err := ssh.NewClientConn(conn, s.Name(), &ssh.ClientConfig{
		User: account, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.FixedHostKey(hostKey), HostKeyAlgorithms: []string{hostKey.Type()},
	})
	if !stop() && err == nil {
		err = asked.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("ssh to sandbox %d as %s: %w", s.Seat, account, err)
	}
	return ssh.NewClient(secured, channels, requests), nil
}

// loginPatience bounds how long a sandbox may take to let us in.
const loginPatience = 15 * time.Second

// accountFor is the account that is wanted, if there is such a one; "" is the first that is the student's.
func accountFor(ctx context.Context, c *control.Client, s instance.Sandbox, student, wanted string) (string, error) {
	status, err := c.Seat(s.Seat).Status(ctx)
	if err != nil {
		return "", err
	}
	var names []string
	for _, account := range status.Accounts {
		own := account.Student == student || s.Seat != 0 && slices.Contains(s.Students, account.Student)
		if account.Name == wanted || wanted == "" && own {
			return account.Name, nil
		}
		names = append(names, account.Name)
	}
	if wanted == "" {
		return "", fmt.Errorf("%w: no account of sandbox %d is %s's", engine.ErrNotFound, s.Seat, student)
	}
	return "", &NoAccountError{s.Seat, wanted, strings.Join(names, ", ")}
}

// Shell runs a command, or a shell, with these streams, and on a terminal of this kind where in is one. It tells the exit code.
func Shell(client *ssh.Client, command, kind string, in io.Reader, out, errs io.Writer) (int, error) {
	session, err := client.NewSession()
	if err != nil {
		return 0, err
	}
	defer session.Close()
	session.Stdin, session.Stdout, session.Stderr = in, out, errs
	if tty, ok := in.(*os.File); ok && term.IsTerminal(int(tty.Fd())) && command == "" {
		restore, err := terminal(session, int(tty.Fd()), cmp.Or(kind, "xterm"))
		if err != nil {
			return 0, err
		}
		defer restore()
	}
	if command == "" {
		err = session.Shell()
	} else {
		err = session.Start(command)
	}
	if err != nil {
		return 0, err
	}
	return exitOf(session.Wait())
}

// terminal gives the session a terminal like ours, whose descriptor is in, and puts ours into raw mode until restore is called.
func terminal(session *ssh.Session, in int, kind string) (restore func(), err error) {
	width, height, err := term.GetSize(in)
	if err != nil {
		width, height = 80, 24
	}
	if err := session.RequestPty(kind, height, width, ssh.TerminalModes{}); err != nil {
		return nil, err
	}
	state, err := term.MakeRaw(in)
	if err != nil {
		return nil, err
	}
	stop := onResize(func() {
		if width, height, err := term.GetSize(in); err == nil {
			_ = session.WindowChange(height, width)
		}
	})
	return func() {
		stop()
		_ = term.Restore(in, state)
	}, nil
}

// exitOf is the exit code of a remote command.
func exitOf(err error) (int, error) {
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return exit.ExitStatus(), nil
	}
	return 0, err
}
