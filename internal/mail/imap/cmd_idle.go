package imap

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// idle is IDLE (RFC 2177): changes are told as they come, until the client says DONE, or anything else.
func (c account) idle(ctx context.Context, cmd *command) reply {
	c.out.str(c.w.idling + "\r\n")
	c.out.flush()
	type typed struct {
		line []byte
		err  error
	}
	done, marks := make(chan typed, 1), make(chan struct{}, 8)
	c.deadline(ctx)
	c.in.marked = func() {
		select {
		case marks <- struct{}{}:
		default: // eight Ctrl-C at once are as good as nine
		}
	}
	defer func() { c.in.marked = c.answerMark }()
	go func() { // only reads: the record, and what is written, are the session's goroutine's
		line, err := c.in.line(nil, 8192)
		done <- typed{line, err}
	}()
	tick := time.NewTicker(c.cfg.Poll)
	defer tick.Stop()
	for {
		var changed <-chan struct{}
		if c.box != nil && !c.done {
			changed = c.box.mb.Changed()
			c.box.poll(ctx, c.conn, true)
			c.out.flush()
		}
		if c.done || c.out.err != nil { // the mailbox was reset, or the client has gone
			c.interrupt()
			<-done
			return reply{}
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-marks:
			c.answerMark()
		case in := <-done:
			return c.idleEnd(ctx, cmd, in.line, in.err)
		}
	}
}

func (c account) idleEnd(ctx context.Context, cmd *command, line []byte, err error) reply {
	if err == nil {
		c.rec.Client(string(line))
	}
	switch {
	case errors.Is(err, errLineTooLong):
	case err != nil:
		c.hangUp(ctx, err)
		return reply{}
	case bytes.EqualFold(bytes.TrimSpace(line), []byte("DONE")):
		return c.w.completed(cmd.name)
	}
	return wrong("BAD", "Expected DONE.")
}
