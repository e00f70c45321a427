package cli

import (
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

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// keyLife is how long a key that maillab makes for one command is let in: sessions that it opened stay.
const keyLife = time.Minute

func sshVerb(a *app) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use:   "ssh STUDENT [-- CMD…]",
		Short: "Into a sandbox as its student",
		Long: `Open a real SSH session into a sandbox as its student, on a terminal; no password is asked: a key made for this one
command is let in for a minute. With a command, that is run instead of a shell. It goes through the instance's gateway,
so it works too where nothing is published.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeStudents,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			i, err := a.the(ctx)
			if err != nil {
				return err
			}
			if err := hasSSH(i); err != nil {
				return err
			}
			s, student, err := a.theStudent(i, args[0])
			if err != nil {
				return err
			}
			control := i.Client()
			defer control.Close()
			client, err := login(ctx, control, s, student, account)
			if err != nil {
				return err
			}
			defer client.Close()
			return openShell(a, client, shellLine(args[1:]))
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "as this account instead of the student's first")
	return cmd
}

// hasSSH tells early where there is none.
func hasSSH(i running) error {
	if can := i.Engine.Capabilities(); !can.System {
		return fmt.Errorf("engine %s has no SSH: %s", can.Name, can.Missing)
	}
	return nil
}

// login opens an SSH connection to a sandbox as one of its accounts, "" being the student's first.
func login(ctx context.Context, c *control.Client, s instance.Sandbox, student, account string) (*ssh.Client, error) {
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
	if err := c.Authorize(asked, s.Seat, allowed); err != nil {
		return nil, err
	}
	text, err := c.HostKey(asked, s.Seat)
	if err != nil {
		return nil, err
	}
	hostKey, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("host key of sandbox %d: %w", s.Seat, err)
	}
	conn, err := c.Stream(ctx, s.Seat, "ssh")
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
	status, err := c.Status(ctx, s.Seat)
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
	return "", usagef("sandbox %d has no account %q: %s", s.Seat, wanted, strings.Join(names, ", "))
}

// shell runs a command, or a shell, with this terminal.
func openShell(a *app, client *ssh.Client, command string) error {
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	session.Stdin, session.Stdout, session.Stderr = a.In, a.Out, a.Err
	if in, ok := a.In.(*os.File); ok && isTerminal(in) && command == "" {
		restore, err := giveTerminal(a, session, in)
		if err != nil {
			return err
		}
		defer restore()
	}
	if command == "" {
		err = session.Shell()
	} else {
		err = session.Start(command)
	}
	if err != nil {
		return err
	}
	return exitOf(session.Wait())
}

// terminal gives the session a terminal like ours, and puts ours into raw mode until restore is called.
func giveTerminal(a *app, session *ssh.Session, in *os.File) (restore func(), err error) {
	width, height, err := term.GetSize(int(in.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	kind := a.Getenv("TERM")
	if kind == "" {
		kind = "xterm"
	}
	if err := session.RequestPty(kind, height, width, ssh.TerminalModes{}); err != nil {
		return nil, err
	}
	state, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	stop := onResize(func() {
		if width, height, err := term.GetSize(int(in.Fd())); err == nil {
			_ = session.WindowChange(height, width)
		}
	})
	return func() {
		stop()
		_ = term.Restore(int(in.Fd()), state)
	}, nil
}

// exitOf turns the end of a remote command into ours: its exit code, silently.
func exitOf(err error) error {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return silent(exit.ExitStatus())
	}
	return err
}

// runAs runs one command in a sandbox as its student, or as another account of it.
func runAs(ctx context.Context, c *control.Client, s instance.Sandbox, student, account, command string, in io.Reader, out, errs io.Writer) (int, error) {
	client, err := login(ctx, c, s, student, account)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	session, err := client.NewSession()
	if err != nil {
		return 0, err
	}
	defer session.Close()
	session.Stdin, session.Stdout, session.Stderr = in, out, errs
	err = session.Run(command)
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return exit.ExitStatus(), nil
	}
	return 0, err
}
