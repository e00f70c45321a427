package smtp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	gosmtp "github.com/emersion/go-smtp"
)

// front is one connection's front layer: a net.Conn for the engine, which reads commands from it and writes replies to
// it. All of it runs in the engine's goroutine, inside its Read and Write calls and its session's methods.
//
// The engine always has at most one command. While it has one, pending is what the client will be told when the engine
// is done with it; so a reply is never the engine's own, and never out of place.
type front struct {
	net.Conn                 // the client's, for the addresses only
	ctx      context.Context // the connection's: the engine's callbacks carry none
	server   *Server
	cfg      *Config
	wire     *wire
	log      Log
	record   Recorder
	client   peer
	stopping atomic.Bool

	toEngine bytes.Buffer // what the engine reads next
	reply    []byte       // what the engine has written of its reply
	pending  answer
	booted   bool // this engine has its greeting behind it

	greeted   bool
	gone      error // the engine reads this, and nothing else, once the connection is over
	upgrading bool  // STARTTLS was accepted
	secure    bool  // TLS is on

	helo, proto      string // proto is SMTP or ESMTP
	saslUser, saslBy string // the authenticated account, and the mechanism
	sasl             bool   // the engine is in AUTH's exchange
	tx               *transaction

	command   *command // the one that was typed last, nil for an unknown one
	where     string   // what the log calls it
	ended     string   // why the connection ended, for the log; "" for QUIT and the like
	counts    counts
	errors    int // since the last message that was accepted
	junk      int // commands that move no mail, since then
	pipelined bool
}

// newFront makes the front of a new connection.
func newFront(ctx context.Context, s *Server, conn net.Conn) *front {
	f := &front{Conn: conn, ctx: ctx, server: s, cfg: &s.cfg, log: s.cfg.Log, client: peerOf(conn), record: noRecorder{},
		proto: "SMTP", where: "CONNECT", counts: newCounts(len(s.commands))}
	f.wire = newWire(conn, s.cfg.Timeout, &f.stopping)
	if s.cfg.Record != nil {
		if r := s.cfg.Record(conn); r != nil {
			f.record = r
		}
	}
	return f
}

// run runs an engine until it closes the connection.
func (f *front) run() {
	engine := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) {
		return &session{f}, nil
	}))
	engine.Domain = f.cfg.Hostname
	engine.AllowInsecureAuth = true // the policy is ours
	engine.MaxLineLength = 0        // the limits too
	engine.ErrorLog = engineLog{f}
	f.booted, f.gone = false, nil
	f.toEngine.Reset()
	_ = engine.Serve(&oneConn{conn: f}) // ends at once, with the listener's io.EOF
	// Waits for the connection, which nothing but its own end ends; there is no listener left to fail to close.
	_ = engine.Shutdown(context.Background())
}

// end closes the connection and says so in the log.
func (f *front) end() {
	defer f.hangUpGently()
	_ = f.wire.flush()
	if f.ended != "" && !(f.where == afterMessage && f.ended == lostConnection) {
		f.log.Cut(f.ended, f.whereFully(), f.client.String())
	}
	f.log.Disconnect(f.client.String(), f.counts.format(f.server.commands))
	f.record.Close()
}

// Read gives the engine its next command line.
func (f *front) Read(p []byte) (n int, err error) {
	defer f.recoverPanic()
	for f.toEngine.Len() == 0 {
		if f.gone != nil {
			return 0, f.gone
		}
		if f.sasl {
			f.saslLine()
		} else {
			f.step()
		}
	}
	return f.toEngine.Read(p)
}

// Write takes the engine's reply. It is the sign that the engine is done with a command; its words are not used.
func (f *front) Write(p []byte) (int, error) {
	defer f.recoverPanic()
	f.reply = append(f.reply, p...)
	for {
		i := bytes.IndexByte(f.reply, '\n')
		if i < 0 {
			return len(p), nil
		}
		line := string(f.reply[:i])
		f.reply = f.reply[i+1:]
		if len(line) > 3 && line[3] == ' ' {
			f.engineReplied(line)
		}
	}
}

// engineReplied tells the client what the engine's reply stands for.
func (f *front) engineReplied(line string) {
	code, text := line[:3], line[4:]
	switch {
	case f.gone != nil:
	case !f.booted && code == "220":
		f.greet()
		f.toEngine.WriteString("EHLO client\r\n") // the engine wants one; our client need not
	case !f.booted:
		f.booted = true
	case code == "354":
		f.toEngine.WriteString(".\r\n") // all that the engine ever sees of a message
		f.pending.begun()
	case code == "334":
		f.say("334 " + strings.TrimRight(text, "\r"))
		f.sasl = true
	default:
		f.sasl = false
		a := f.pending
		f.pending = answer{}
		if a.text == "" || !a.given && a.failed != (code[0] >= '4') {
			f.cfg.Errors.Error("the SMTP engine did not do what the front expected", "engine", line, "front", a.text)
			a = answer{text: "421 4.3.0 " + f.cfg.Hostname + " Error: internal protocol error", failed: true}
		}
		f.finish(a)
	}
}

// greet says the banner, once.
func (f *front) greet() {
	if !f.greeted {
		f.greeted = true
		f.say("220 " + f.cfg.Hostname + " " + f.cfg.Banner)
	}
}

// say sends a reply, of several lines when there is a \n in it. A client that has made errors waits.
func (f *front) say(text string) {
	if f.errors >= f.cfg.SoftErrors {
		_ = f.wire.flush()
		f.cfg.Pause(f.ctx)
	}
	rows := strings.Split(text, "\n")
	for i, row := range rows {
		if i < len(rows)-1 {
			row = row[:3] + "-" + row[4:]
		}
		f.record.Server(row)
		f.wire.write(row + "\r\n")
	}
}

// hangUp ends the session after the reply that was just said.
func (f *front) hangUp() {
	f.gone = net.ErrClosed // not io.EOF: the engine takes that for an end of its input, this for an end of everything
}

// lost ends the session because reading failed.
func (f *front) lost(err error) {
	var timeout net.Error
	switch {
	case f.gone != nil:
		return
	case err == errStopping:
		f.wire.err = nil // the client can still be told
		f.say("421 4.3.2 " + f.cfg.Hostname + " Service not available, closing transmission channel")
		f.hangUpNow()
	case asNetError(err, &timeout) && timeout.Timeout():
		f.wire.err = nil
		f.ended = "timeout"
		f.say("421 4.4.2 " + f.cfg.Hostname + " Error: timeout exceeded")
		f.hangUpNow()
	default:
		f.ended = lostConnection
		f.hangUp()
	}
}

// hangUpNow is hangUp for a connection on which nothing more can be read.
func (f *front) hangUpNow() {
	_ = f.wire.flush()
	f.wire.err = net.ErrClosed
	f.hangUp()
}

// hangUpGently closes the connection. If the client has typed ahead, closing at once would make TCP throw away the
// last reply, which tells why: so the client is given a moment to stop.
func (f *front) hangUpGently() {
	type halfCloser interface{ CloseWrite() error }
	if half, ok := f.wire.conn.(halfCloser); ok && f.wire.err == nil && f.where != "QUIT" && half.CloseWrite() == nil {
		_ = f.wire.conn.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.CopyN(io.Discard, f.wire.conn, 1<<20)
	}
	_ = f.wire.conn.Close()
}

// recoverPanic turns a bug of ours into the end of this connection only.
func (f *front) recoverPanic() {
	if bug := recover(); bug != nil {
		f.cfg.Errors.Error("panic serving an SMTP client", "client", f.client.String(), "panic", fmt.Sprint(bug),
			"stack", string(debug.Stack()))
		f.wire.write("421 4.3.0 " + f.cfg.Hostname + " Server local error\r\n")
		f.hangUp()
	}
}

// Close is the engine's; the connection is closed by end.
func (f *front) Close() error {
	f.hangUp()
	return nil
}

// The wire has the deadlines.

// SetDeadline does nothing.
func (f *front) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (f *front) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (f *front) SetWriteDeadline(time.Time) error { return nil }

// oneConn is a listener with one connection, which is how the engine takes one.
type oneConn struct{ conn net.Conn }

// Accept returns the connection once, then io.EOF.
func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}

// Close does nothing.
func (l *oneConn) Close() error { return nil }

// Addr is not asked for.
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// engineLog is where the engine reports its panics.
type engineLog struct{ f *front }

// Printf implements the engine's Logger.
func (l engineLog) Printf(format string, v ...any) {
	l.f.cfg.Errors.Error("SMTP engine: " + fmt.Sprintf(format, v...))
}

// Println implements the engine's Logger.
func (l engineLog) Println(v ...any) {
	l.f.cfg.Errors.Error("SMTP engine: " + fmt.Sprint(v...))
}
