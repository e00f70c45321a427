package pop3

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// readBuffer is what a session at rest costs, beside its goroutine.
const readBuffer = 1 << 10

// session is one connection: everything about it lives here, and one goroutine uses it (link.stop apart).
type session struct {
	*Server
	link  *link
	conn  net.Conn // link, or TLS on it
	in    lineReader
	out   output
	rec   Recorder
	log   Log
	about Session

	user   string // what USER said
	named  bool   // USER was said
	bad    int    // commands in a row that failed
	ending Ending // set when the session is over
	n      Counts
	began  time.Time

	// From login on.
	drop     Maildrop
	messages []Message
	gone     []bool // marked by DELE
}

func newSession(s *Server, conn net.Conn) *session {
	l := &link{Conn: conn, stalled: s.cfg.Stalled}
	c := &session{
		Server: s, link: l, conn: l,
		rec: discard{}, log: discard{},
		about: Session{Peer: conn.RemoteAddr(), Local: conn.LocalAddr()},
		began: s.cfg.Now(),
	}
	if s.cfg.Log != nil {
		c.log = s.cfg.Log
	}
	if s.cfg.Record != nil {
		if r := s.cfg.Record(conn); r != nil {
			c.rec = r
		}
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

// answerMark refuses telnet's TIMING-MARK, which is an answer to it.
func (c *session) answerMark() {
	_, _ = c.out.Write([]byte{telnetIAC, telnetWONT, timingMark})
}

// run serves commands until the session is over.
func (c *session) run(ctx context.Context) {
	if ctx.Err() != nil { // refused by the caller: the reason comes in place of the greeting
		c.link.stop()
		c.broke(ctx, errStopped)
	} else {
		c.ok(c.cfg.Banner)
	}
	for c.ending == "" {
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
		c.ending = ShutDown
		c.fail("[SYS/TEMP] " + stopReason(ctx) + ".")
	case isTimeout(err) && c.out.err == nil:
		c.ending = TimedOut
		c.fail(sayIdle)
	case isTimeout(err):
		c.ending = TimedOut
	default:
		c.ending = LineDropped
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
	if c.ending == "" && c.bad > c.cfg.BadCommands {
		c.fail(sayTooMany)
		c.ending = TooManyBad
	}
}

// end gives everything back, and logs.
func (c *session) end() {
	c.letGo()
	_ = c.conn.Close() // the client has what it gets
	c.n.Received, c.n.Sent = c.in.received, c.out.sent
	c.n.Time = c.cfg.Now().Sub(c.began)
	c.log.Disconnect(c.about, c.ending, c.n)
	c.rec.Close()
}

// letGo gives the maildrop back.
func (c *session) letGo() {
	if c.drop == nil {
		return
	}
	if err := c.drop.Close(); err != nil {
		c.cfg.Slog.Warn("pop3: maildrop not closed", "account", c.about.Account, "err", err)
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

// peer is the client's address without its port.
func (c *session) peer() string {
	host, _, err := net.SplitHostPort(c.about.Peer.String())
	if err != nil {
		return c.about.Peer.String() // a pipe, a Unix socket
	}
	return host
}
