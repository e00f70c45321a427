package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"

	"maillab/internal/control"
	"maillab/internal/instance"
)

// Run runs one command in a sandbox as its student, or as another account of it, and tells the exit code. The command has
// ended when its own process has, and what it said was read: what it left in the background, with its output still open, is
// not waited for. When ctx ends first, so does the command, with all that it started in its session.
func Run(ctx context.Context, c *control.Client, s instance.Sandbox, student, account, command string, in io.Reader, out, errs io.Writer) (int, error) {
	open, cut := context.WithCancel(context.WithoutCancel(ctx)) // once it is open, the connection outlives ctx: it carries the kill
	defer cut()
	whole := context.AfterFunc(ctx, cut)
	client, err := Open(open, c, s, student, account)
	if err != nil {
		return 0, cmp.Or(ctx.Err(), err)
	}
	defer client.Close()
	whole()
	channel, requests, err := client.OpenChannel("session", nil)
	if err != nil {
		return 0, err
	}
	defer channel.Close()
	started, err := channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{command})) // RFC 4254, 6.5
	if err != nil || !started {
		return 0, errors.Join(errors.New("the sandbox does not start the command"), err)
	}
	go func() {
		if in != nil {
			io.Copy(channel, in) //nolint:errcheck // a command need not read all of it
		}
		channel.CloseWrite() //nolint:errcheck // as above
	}()
	r := remote{channel: channel, requests: requests, out: out, errs: errs}
	code, err := r.wait(ctx)
	if ctx.Err() != nil {
		return 0, fmt.Errorf("%w; it was ended", ctx.Err())
	}
	if errors.Is(err, errCut) {
		err = because(client.Conn)
	}
	return code, err
}

// errCut is a command of whose end nothing is known.
var errCut = errors.New("the sandbox cut the command off")

// because tells whether a command alone was cut off, or the connection, and why.
func because(conn ssh.Conn) error {
	ended := make(chan error, 1)
	go func() { ended <- conn.Wait() }()
	select {
	case why := <-ended:
		return fmt.Errorf("%w: %w", errCut, why)
	case <-time.After(leftover):
		return errCut
	}
}

// remote is a command that runs elsewhere.
type remote struct {
	channel   ssh.Channel
	requests  <-chan *ssh.Request
	out, errs io.Writer
}

// leftover is how long output may still come once the command has ended; each piece that comes begins it anew.
const leftover = 300 * time.Millisecond

// piece is some output; of the last there is none.
type piece struct {
	to   io.Writer
	text []byte
}

// wait hands output on, one piece after the other, until the command has ended. Only while nothing comes time runs: who reads
// slowly loses nothing.
func (r remote) wait(ctx context.Context) (code int, err error) {
	pieces, gone := make(chan piece), make(chan struct{})
	defer close(gone)
	go pieced(r.channel, r.out, pieces, gone)
	go pieced(r.channel.Stderr(), r.errs, pieces, gone)
	requests, open := r.requests, 2
	var ended <-chan time.Time // nil: it runs
	for open > 0 || requests != nil {
		select {
		case <-ctx.Done():
			r.kill()
			return 0, ctx.Err()
		case <-ended:
			return code, err
		case p := <-pieces:
			if p.text == nil {
				open--
			} else if _, wrong := p.to.Write(p.text); wrong != nil {
				return 0, wrong
			}
			if ended != nil {
				ended = time.After(leftover)
			}
		case request, more := <-requests:
			if !more {
				requests = nil
				continue
			}
			if how, is := exitIn(request); is {
				code, err, ended = how.code, how.err, time.After(leftover)
			}
		}
	}
	if ended == nil {
		return 0, errCut
	}
	return code, err
}

// kill ends the command and what it started, as far as sshd reaches it (RFC 4254, 6.9), and waits a moment to hear of it.
func (r remote) kill() {
	_, _ = r.channel.SendRequest("signal", false, ssh.Marshal(struct{ Signal string }{"KILL"})) // the connection ends in any case
	for late := time.After(leftover); ; {
		select {
		case <-late:
			return
		case request, more := <-r.requests:
			if _, ended := exitIn(request); !more || ended {
				return
			}
		}
	}
}

// pieced reads until the end, or until nobody wants more.
func pieced(from io.Reader, to io.Writer, pieces chan<- piece, gone <-chan struct{}) {
	for {
		text := make([]byte, 32<<10)
		n, err := from.Read(text)
		for _, p := range []piece{{to, text[:n]}, {}} {
			if len(p.text) == 0 && (p.to != nil || err == nil) {
				continue // nothing was read, or more will be
			}
			select {
			case pieces <- p:
			case <-gone:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// exit is how a command ended.
type exit struct {
	code int
	err  error
}

// exitIn reads a command's end from a request, if it tells of one (RFC 4254, 6.10). A command that was killed has the code that a
// shell would say.
func exitIn(request *ssh.Request) (exit, bool) {
	if request == nil {
		return exit{}, false
	}
	switch request.Type {
	case "exit-status":
		var status struct{ Code uint32 }
		err := ssh.Unmarshal(request.Payload, &status)
		return exit{int(status.Code), err}, true
	case "exit-signal":
		var signal struct {
			Name    string
			Dumped  bool
			Message string
			Lang    string
		}
		if err := ssh.Unmarshal(request.Payload, &signal); err != nil {
			return exit{err: err}, true
		}
		return exit{128 + signals()[signal.Name], nil}, true
	}
	return exit{}, false
}

// signals are the numbers of those that RFC 4254, 6.10 names, as Linux has them.
func signals() map[string]int {
	return map[string]int{"ABRT": 6, "ALRM": 14, "FPE": 8, "HUP": 1, "ILL": 4, "INT": 2, "KILL": 9, "PIPE": 13, "QUIT": 3, "SEGV": 11, "TERM": 15, "USR1": 10, "USR2": 12}
}
