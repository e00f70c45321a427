package pop3

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/telnet"
)

// readBuffer is what a session at rest costs, beside its goroutine.
const readBuffer = 1 << 10

// session is one connection: everything about it lives here, and one goroutine uses it (link.stop apart).
type session struct {
	*Server
	link *link
	conn net.Conn // link, or TLS on it
	in   lineReader
	out  output
	rec  mail.Recorder
	log  Log
	peer mail.Peer

	secure bool   // TLS is on
	user   string // what USER said
	named  bool   // USER was said
	bad    int    // commands in a row that failed
	n      Counts // with an ending when the session is over

	// From login on.
	drop     Maildrop
	messages []Message
	gone     []bool // marked by DELE
}

func newSession(s *Server, conn net.Conn) *session {
	l := &link{Conn: conn, stalled: s.cfg.Stalled}
	c := &session{
		Server: s, link: l, conn: l,
		peer: mail.PeerOf(conn),
	}
	if s.cfg.Witness != nil {
		c.rec, c.log = s.cfg.Witness(conn)
	}
	if c.rec == nil {
		c.rec = mail.Discard{}
	}
	if c.log == nil {
		c.log = discard{}
	}
	c.out = output{conn: l, pool: s.buffers}
	c.in = lineReader{in: bufio.NewReaderSize(replying{c}, readBuffer), marked: c.answerMark}
	return c
}

// replying reads from the client, and sends what waits before it blocks: so pipelined commands are answered in as few
// packets as there may be (RFC 2449 §6.6), and half a command never holds back the replies to those before it.
type replying struct{ c *session }

func (r replying) Read(p []byte) (int, error) {
	if err := r.c.out.flush(); err != nil {
		return 0, err
	}
	return r.c.conn.Read(p)
}

// answerMark tells telnet that its Ctrl-C has come through.
func (c *session) answerMark() {
	_, _ = c.out.WriteString(telnet.Answer)
}

// run serves commands until the session is over.
func (c *session) run(ctx context.Context) {
	if ctx.Err() != nil { // refused by the caller: the reason comes in place of the greeting
		c.link.stop()
		c.broke(ctx, errStopped)
	} else {
		c.ok(c.cfg.Banner)
	}
	for c.n.Ending == "" {
		line, long, err := c.readLine()
		switch {
		case err != nil:
			c.broke(ctx, err)
		case long:
			c.rec.Client(masked(line))
			c.fail(sayTooLong)
		default:
			c.rec.Client(masked(line))
			c.handle(ctx, parse(line))
		}
		c.boundErrors()
	}
	_ = c.out.flush() // nobody is left to be told
}

func (c *session) readLine() (string, bool, error) {
	c.link.expect(c.cfg.Idle)
	return c.in.read()
}

func (c *session) handle(ctx context.Context, cmd command) {
	if c.drop == nil {
		c.authorization(ctx, cmd)
	} else {
		c.transaction(ctx, cmd)
	}
}

// broke ends a session whose client cannot be read from any more. Nothing is deleted (RFC 1939 §3 and §6). The RFC has
// the server close in silence; a person at the prompt is told why, as Dovecot does.
func (c *session) broke(ctx context.Context, err error) {
	switch {
	case errors.Is(err, errStopped):
		c.n.Ending = mail.ShutDown
		c.fail("[SYS/TEMP] " + stopReason(ctx) + ".")
	case isTimeout(err) && c.out.err == nil:
		c.n.Ending = mail.TimedOut
		c.fail(sayIdle)
	case isTimeout(err):
		c.n.Ending = mail.TimedOut
	default:
		c.n.Ending = mail.LineDropped
	}
}

// stopReason is what a client is told when the context ends.
func stopReason(ctx context.Context) string {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return sayStopping
	}
	return printable(cause.Error())
}

// boundErrors ends the session of who only errs: a person errs less often in a row, a port scanner does not.
func (c *session) boundErrors() {
	if c.n.Ending == "" && c.bad > c.cfg.BadCommands {
		c.fail(sayTooMany)
		c.n.Ending = mail.TooManyBad
	}
}

// end gives everything back, and logs.
func (c *session) end() {
	c.letGo()
	_ = c.conn.Close() // the client has what it gets
	c.n.Received, c.n.Sent = c.in.received, c.out.sent
	c.log.Disconnect(c.n)
	c.rec.Close()
}

// letGo gives the maildrop back.
func (c *session) letGo() {
	if c.drop == nil {
		return
	}
	if err := c.drop.Close(); err != nil {
		c.cfg.Slog.Warn("pop3: maildrop not closed", "account", c.n.Account, "err", err)
	}
	c.drop = nil
}

// ok answers a command that succeeded.
func (c *session) ok(text string) {
	c.bad = 0
	c.line(strings.TrimSuffix("+OK "+text, " "))
}

// fail answers a command that did not.
func (c *session) fail(text string) {
	c.bad++
	c.line("-ERR " + text)
}

// line sends one line as it is.
func (c *session) line(text string) {
	c.rec.Server(text)
	_, _ = c.out.WriteString(text) // the error sticks, and the next flush returns it
	_, _ = io.WriteString(&c.out, "\r\n")
}
