package submit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"strings"
	"time"

	"maillab/internal/mail/queue"
)

// command is one call of sendmail.
type command struct {
	socket string
	wait   time.Duration // how long a daemon that does not answer is waited for
	stdin  io.Reader
	stdout io.Writer
}

// Main is the sendmail command: args begins with the name that it was called by (sendmail, mailq, newaliases). It returns
// the exit code, one of sysexits.h. MAILLAB_SOCKET and MAILLAB_WAIT (a duration, 5s) in env say where the daemon is and
// how long to wait for it; NAME is the sender's full name.
func Main(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := run(ctx, args, environment(env), stdin, stdout)
	if err == nil {
		return exitOK
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{exitTempFail, err.Error()}
	}
	fmt.Fprintf(stderr, "%s: fatal: %s\n", calledAs(args), f.Text)
	return f.Exit
}

func calledAs(args []string) string {
	if len(args) == 0 {
		return "sendmail"
	}
	return args[0][strings.LastIndexByte(args[0], '/')+1:]
}

// environment finds variables by name.
func environment(env []string) func(string) string {
	return func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

const defaultWait = 5 * time.Second

func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout io.Writer) error {
	o, err := parseOptions(args)
	if err != nil {
		return &failure{exitUsage, err.Error()}
	}
	c := command{socket: getenv("MAILLAB_SOCKET"), wait: defaultWait, stdin: stdin, stdout: stdout}
	if c.socket == "" {
		c.socket = DefaultSocket
	}
	if d, err := time.ParseDuration(getenv("MAILLAB_WAIT")); err == nil {
		c.wait = d
	}
	if o.FullName == "" {
		o.FullName = getenv("NAME")
	}
	switch o.mode {
	case nothing:
		return nil
	case listMail:
		return c.simple(ctx, http.MethodGet, "/v1/mailq")
	case flushAll:
		return c.simple(ctx, http.MethodPost, "/v1/flush")
	case runSMTP:
		return c.smtp(ctx)
	default:
		return c.mail(ctx, o)
	}
}

// mail sends the message on standard input.
func (c *command) mail(ctx context.Context, o options) error {
	message := io.Reader(newBody(c.stdin, o.dots))
	var rcpts []string
	for _, arg := range o.Recipients {
		rcpts = append(rcpts, queue.Addresses(arg)...)
	}
	if o.fromHeaders {
		found, whole, err := recipientsOf(message)
		if err != nil {
			return &failure{exitIOErr, caller() + ": " + err.Error()}
		}
		rcpts, message = append(rcpts, found...), whole
	}
	switch {
	case len(rcpts) == 0 && o.fromHeaders:
		return &failure{exitUsage, caller() + ": No recipient addresses found in message header"}
	case len(rcpts) == 0:
		return &failure{exitUsage, caller() + ": Recipient addresses must be specified on the command line or via the -t option"}
	}
	o.Submission.Recipients = rcpts
	head, err := json.Marshal(o.Submission)
	if err != nil {
		return &failure{exitSoftware, err.Error()}
	}
	// The length is not known, so it goes in chunks: what ends without the last one was aborted.
	return c.request(ctx, http.MethodPost, "/v1/mail", io.MultiReader(strings.NewReader(string(head)+"\n"), message), io.Discard)
}

// caller is how Postfix names the user in its messages.
func caller() string {
	name := "uid"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("%s(%d)", name, os.Getuid())
}

func (c *command) simple(ctx context.Context, method, path string) error {
	return c.request(ctx, method, path, http.NoBody, c.stdout)
}

// request makes one request and copies what it answers.
func (c *command) request(ctx context.Context, method, path string, body io.Reader, out io.Writer) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	once := make(chan net.Conn, 1)
	once <- conn
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		select {
		case conn := <-once:
			return conn, nil
		default:
			return nil, errors.New("the connection was lost") // a message is never sent twice behind one's back
		}
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, "http://maild"+path, body)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return &failure{exitTempFail, fmt.Sprintf("the mail system did not take it: %v", err)}
	}
	defer resp.Body.Close()
	return answer(resp, out)
}

// answer copies an answer or turns it into the failure that it tells.
func answer(resp *http.Response, out io.Writer) error {
	if resp.StatusCode/100 == 2 {
		if _, err := io.Copy(out, resp.Body); err != nil {
			return &failure{exitIOErr, err.Error()}
		}
		return nil
	}
	var f failure
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&f); err != nil || f.Exit == 0 {
		return &failure{exitTempFail, "the mail system answered " + resp.Status}
	}
	f.Text = caller() + ": " + f.Text
	return &f
}

// smtp connects standard input and output to an SMTP session.
func (c *command) smtp(ctx context.Context) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := io.WriteString(conn, "POST /v1/smtp HTTP/1.1\r\nHost: maild\r\nConnection: Upgrade\r\nUpgrade: smtp\r\n\r\n"); err != nil {
		return &failure{exitTempFail, err.Error()}
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodPost})
	if err != nil {
		return &failure{exitTempFail, fmt.Sprintf("the mail system does not answer: %v", err)}
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return answer(resp, io.Discard)
	}
	go func() {
		_, _ = io.Copy(conn, c.stdin)
		if u, ok := conn.(*net.UnixConn); ok {
			_ = u.CloseWrite()
		}
	}()
	if _, err := io.Copy(c.stdout, in); err != nil {
		return &failure{exitIOErr, err.Error()}
	}
	return nil
}

// dial connects to the daemon. One that is being restarted is waited for: the socket's absence or refusal passes.
func (c *command) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	const again = 100 * time.Millisecond
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "unix", c.socket)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, &failure{exitTempFail, fmt.Sprintf("the mail system does not answer (%v); nothing was sent, try again later", err)}
		case <-time.After(again):
		}
	}
}
