package imap

import (
	"context"
	"errors"
	"io"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// Literals of commands other than APPEND: names, passwords, search strings.
const (
	maxLiteral      = 64 << 10
	maxEarlyLiteral = 1 << 10 // before login
	maxSkipped      = 64 << 20
)

// deadline gives the client its time for the next command. Octets that drip in do not extend it.
func (c *conn) deadline(ctx context.Context) {
	d := c.cfg.LoginTimeout
	if c.user != nil {
		d = c.cfg.IdleTimeout
	}
	_ = c.under.SetReadDeadline(time.Now().Add(d))
	if ctx.Err() != nil {
		c.interrupt() // it may have come just before the line above
	}
}

// readLine reads one line and records it.
func (c *conn) readLine(ctx context.Context, buf []byte, masked func([]byte) string) ([]byte, error) {
	c.deadline(ctx)
	start, limit := len(buf), c.cfg.MaxLine
	if c.user == nil {
		limit = min(limit, 8192)
	}
	buf, err := c.in.line(buf, limit)
	if err == nil {
		c.rec.Client(masked(buf[start:]))
	}
	return buf, err
}

// literals reads the commands of a connection with their literals.
type literals struct{ *conn }

// errRefused is a command whose literal was refused, and which has been answered.
var errRefused = errors.New("literal refused")

// readCommand reads a command with its literals, which stay where they are: "{5}\r\nhello".
func (c literals) readCommand(ctx context.Context) ([]byte, error) {
	buf, err := c.readLine(ctx, nil, c.mask.First)
	if err != nil {
		return buf, err
	}
	lineStart := 0
	for {
		n, sync, ok := syntax.LiteralMark(buf[lineStart:])
		if !ok {
			return buf, nil
		}
		if n > c.literalLimit(buf)-int64(len(buf)) {
			return nil, c.refuse(ctx, buf, n, sync, c.w.tooBig)
		}
		if sync && c.refuseAppend(ctx, buf) {
			return nil, errRefused
		}
		if c.spills(buf, n) {
			if r, ok := c.newSpill(buf, n); !ok {
				return nil, c.refuse(ctx, buf, n, sync, r)
			}
		}
		if sync {
			c.out.str(c.w.goAhead)
			c.out.crlf()
			c.out.flush()
		}
		buf = append(buf, "\r\n"...)
		c.deadline(ctx)
		if buf, err = c.readLiteral(buf, n); err != nil {
			return nil, err
		}
		c.rec.Client(summary(n))
		lineStart = len(buf)
		if buf, err = c.readLine(ctx, buf, c.mask.Next); err != nil {
			return buf, err
		}
	}
}

// readLiteral appends a literal to the command, unless it goes to a file.
func (c literals) readLiteral(buf []byte, n int64) ([]byte, error) {
	if s := c.spill; s != nil && s.at == len(buf) {
		return buf, c.in.copy(s, n)
	}
	return c.in.literal(buf, n)
}

// literalLimit is how long a command may become with its literals.
func (c literals) literalLimit(buf []byte) int64 {
	switch {
	case c.user == nil:
		return maxEarlyLiteral + 8192
	case c.spill == nil && c.appending(buf):
		return c.cfg.MaxMessage + maxLiteral
	default:
		return maxLiteral + int64(c.cfg.MaxLine)
	}
}

// appending tells whether a command that has begun like this is an APPEND of somebody who may.
func (c literals) appending(buf []byte) bool {
	_, name := syntax.New(buf, nil).Command()
	return name == "APPEND" && c.user != nil
}

// refuse answers a command whose literal is not wanted. One that comes unasked has to be read all the same.
func (c literals) refuse(ctx context.Context, buf []byte, n int64, sync bool, r reply) error {
	tag, name := syntax.New(buf, nil).Command()
	if !sync {
		if n > maxSkipped || c.user == nil {
			c.stats.Ending = mail.TooManyBad
			c.bye(c.w.tooBig.text)
			return errRefused
		}
		c.deadline(ctx)
		if err := c.in.copy(io.Discard, n); err != nil {
			return err
		}
		if _, err := c.readLine(ctx, nil, c.mask.Next); err != nil {
			return err
		}
	}
	r.bad = name != "APPEND"
	c.answer(tag, r)
	return errRefused
}

// refuseAppend answers an APPEND whose mailbox is not there before the message is typed for nothing.
func (c literals) refuseAppend(ctx context.Context, buf []byte) bool {
	cmd := &command{p: syntax.New(buf, nil)}
	cmd.tag, cmd.name = cmd.p.Command()
	if cmd.name != "APPEND" || c.user == nil {
		return false
	}
	cmd.p.Blanks()
	name, wire, err := c.mailbox(cmd.p)
	if syntax.IsError(err) { // the mailbox is the literal that is about to come, or the command is wrong anyway
		return false
	}
	if err == nil {
		var mb Mailbox
		if mb, err = c.user.Open(ctx, name); err == nil {
			mb.Close()
			return false
		}
	}
	c.answer(cmd.tag, c.failed(ctx, cmd, wire, err))
	return true
}
