package terminal

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// shell is an account's login shell over SSH.
type shell struct {
	client  *ssh.Client
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
}

// Kind is the terminal that programs are told to speak to.
const Kind = "xterm-256color"

// loginPatience bounds how long an sshd may take to let somebody in.
const loginPatience = 15 * time.Second

// Shell logs in over a connection to an sshd, which it owns. Whose host key it is nobody asks: the connection is an end of a
// socket pair whose other end the sandbox has.
func Shell(ctx context.Context, conn net.Conn, account, password, lang string, cols, rows int) (Program, error) {
	_ = conn.SetDeadline(time.Now().Add(loginPatience))
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	secured, channels, requests, err := ssh.NewClientConn(conn, "sandbox", &ssh.ClientConfig{
		User: account, HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // see above
		Auth: []ssh.AuthMethod{ssh.Password(password), ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
			answers := make([]string, len(questions))
			for i := range answers {
				answers[i] = password
			}
			return answers, nil
		})},
	})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("ssh as %s: %w", account, err)
	}
	_ = conn.SetDeadline(time.Time{})
	s := &shell{client: ssh.NewClient(secured, channels, requests)}
	if err := s.begin(lang, cols, rows); err != nil {
		s.client.Close()
		return nil, fmt.Errorf("shell of %s: %w", account, err)
	}
	return s, nil
}

func (s *shell) begin(lang string, cols, rows int) (err error) {
	if s.session, err = s.client.NewSession(); err != nil {
		return err
	}
	if lang != "" {
		_ = s.session.Setenv("LANG", lang) // a server that takes none has its own
	}
	if err = s.session.RequestPty(Kind, rows, cols, ssh.TerminalModes{}); err != nil {
		return err
	}
	if s.in, err = s.session.StdinPipe(); err != nil {
		return err
	}
	if s.out, err = s.session.StdoutPipe(); err != nil {
		return err
	}
	return s.session.Shell()
}

func (s *shell) Read(p []byte) (int, error)  { return s.out.Read(p) }
func (s *shell) Write(p []byte) (int, error) { return s.in.Write(p) }

// Resize tells the program.
func (s *shell) Resize(cols, rows int) error { return s.session.WindowChange(rows, cols) }

// Close hangs up.
func (s *shell) Close() error { return s.client.Close() }
