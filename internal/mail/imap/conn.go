package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
	"maillab/internal/mail/telnet"
	"net"
	"os"
	"strings"
	"time"
)

// maxBad is how many commands in a row may be wrong before we hang up: a bound against machines, not against people.
const maxBad = 20

// conn is one connection: all that belongs to it and nothing else.
type conn struct {
	srv   *Server
	cfg   *Config
	w     *words
	nc    net.Conn // TLS when it was started
	under net.Conn // what was accepted; its deadlines may be set from any goroutine
	in    *reader
	out   *writer
	mask  syntax.Masker
	rec   mail.Recorder
	log   Log
	stats Stats

	user      User
	box       *selected // nil: none
	spill     *spill    // the command's literal that is in a file; nil: none
	utf8      bool      // ENABLE UTF8=ACCEPT
	qresync   bool      // ENABLE QRESYNC (RFC 7162, section 3.2.3)
	condstore bool      // a command that enables CONDSTORE was given (RFC 7162, section 3.1)
	askedCaps bool      // CAPABILITY was asked for before login
	bad       int       // wrong commands in a row
	done      bool
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, cfg: &s.cfg, w: &s.words, nc: nc, under: nc, in: newReader(nc)}
	c.out = &writer{nc: nc, timeout: s.cfg.WriteTimeout, pool: &s.buffers}
	c.in.marked = c.answerMark
	if s.cfg.Witness != nil {
		c.rec, c.log = s.cfg.Witness(nc)
	}
	if c.out.rec = c.rec; c.rec == nil {
		c.rec = mail.Discard{}
	}
	if c.log == nil {
		c.log = discard{}
	}
	return c
}

// interrupt wakes a read that waits, when the server is to stop; it runs beside the connection's goroutine.
func (c *conn) interrupt() { _ = c.under.SetReadDeadline(time.Unix(1, 0)) }

// close ends the connection and lets go of all that it held.
func (c *conn) close() {
	c.out.flush()
	c.deselect()
	c.forgetSpill()
	if c.stats.Ending == "" {
		c.stats.Ending = mail.LoggedOut
	}
	c.stats.In, c.stats.Out = c.in.count, c.out.count
	_ = c.nc.Close()
	c.log.Disconnect(c.stats)
	c.rec.Close()
}

func (c *conn) bye(text string) {
	c.out.str("* BYE " + text + "\r\n")
	c.out.flush()
	c.done = true
}

func (c *conn) serve(ctx context.Context) {
	c.out.str("* OK [CAPABILITY " + c.capabilities() + "] " + c.cfg.Banner + "\r\n")
	for !c.done {
		if c.in.br.Buffered() == 0 {
			c.out.flush()
		}
		line, err := literals{c}.readCommand(ctx)
		switch {
		case err == nil:
			c.dispatch(ctx, line)
		case errors.Is(err, errLineTooLong):
			c.tooLong(line)
		case errors.Is(err, errRefused): // has been answered
		default:
			c.hangUp(ctx, err)
		}
		c.forgetSpill()
	}
}

// tooLong answers a line that was too long by its beginning, which is what there is of it.
func (c *conn) tooLong(line []byte) {
	tag, name := syntax.New(line, nil).Command()
	if !syntax.ValidTag(tag) {
		tag = "*"
	}
	c.answer(tag, c.w.syntax(c, name[:min(len(name), 32)], errLineTooLong))
}

func (c *conn) forgetSpill() {
	c.spill.close()
	c.spill = nil
}

// answerMark tells telnet that its Ctrl-C has come through (RFC 860). It is no part of the dialogue.
func (c *conn) answerMark() {
	c.out.raw([]byte(telnet.Answer))
	c.out.flush()
}

// hangUp ends a connection that could not be read from.
func (c *conn) hangUp(ctx context.Context, err error) {
	c.done = true
	switch {
	case ctx.Err() != nil:
		c.stats.Ending = mail.ShutDown
		text := c.w.shutdown
		if cause := context.Cause(ctx); cause != ctx.Err() { // whoever ended it says why
			text = cause.Error() + "."
		}
		c.bye(text)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.stats.Ending = mail.TimedOut
		c.bye(c.w.timeout)
	case c.out.err != nil:
		c.stats.Ending = mail.NotTaken
	default:
		c.stats.Ending = mail.LineDropped
	}
}

// command is one command line.
type command struct {
	tag, name string // the name in upper case, with UID before it where it was
	uid       bool
	bare      bool // no arguments came
	p         *syntax.Parser
}

func (c *conn) dispatch(ctx context.Context, line []byte) {
	cmd := &command{p: syntax.New(line, c.spill.outside())}
	cmd.tag, cmd.name = cmd.p.Command()
	if !syntax.ValidTag(cmd.tag) {
		c.answer("*", c.w.syntax(c, "", syntax.Error("Invalid tag.")))
		return
	}
	if cmd.name == "UID" {
		cmd.uid = true
		cmd.p.Blanks()
		cmd.name += " " + strings.ToUpper(cmd.p.Run(syntax.IsAtom))
	}
	cmd.bare = cmd.p.AtEnd()
	h, ok := c.srv.commands[cmd.name]
	if !ok {
		c.answer(cmd.tag, c.w.unknown(c, cmd))
		return
	}
	if r, ok := c.allowed(h.state, cmd); !ok {
		c.answer(cmd.tag, r)
		return
	}
	if !h.args && !cmd.bare {
		c.answer(cmd.tag, c.w.syntax(c, cmd.name, syntax.ErrArguments))
		return
	}
	r := h.run(c, ctx, cmd)
	if c.box != nil && h.sync != syncNot {
		c.box.poll(ctx, c, h.sync == syncAll)
	}
	c.answer(cmd.tag, r)
}

// allowed says whether a command fits the connection's state, and if not what to answer.
func (c *conn) allowed(s state, cmd *command) (reply, bool) {
	switch {
	case s == notLoggedIn && c.user != nil, s >= loggedIn && c.user == nil:
		return c.w.wrongState(c, cmd), false
	case s == inMailbox && c.box == nil:
		return c.w.noMailbox(c, cmd), false
	}
	return reply{}, true
}

// answer ends a command with its tagged reply.
func (c *conn) answer(tag string, r reply) {
	if r.status == "" { // the command has answered itself
		return
	}
	c.out.str(tag)
	c.out.byte(' ')
	r.write(c.out)
	if c.bad++; !r.bad {
		c.bad = 0
	}
	if c.bad >= maxBad {
		c.stats.Ending = mail.TooManyBad
		c.bye(c.w.tooManyBad)
	}
}

func (c *conn) secure() bool { _, ok := c.nc.(*tls.Conn); return ok }

// startTLS turns the connection over to TLS. What was sent in clear behind the command is never looked at (RFC 3501, 6.2.1).
func (c stranger) startTLS(ctx context.Context) error {
	if c.in.br.Buffered() > 0 {
		return errors.New("octets behind STARTTLS")
	}
	c.deadline(ctx)
	t := tls.Server(c.nc, c.cfg.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	c.nc, c.out.nc = t, t
	c.log.Secure()
	count := c.in.count
	c.in = newReader(t)
	c.in.count, c.in.marked = count, c.answerMark
	return nil
}
