package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Why a message's content ends without a message.
var (
	errTooLarge = &Error{552, "5.3.4", "Error: message file too big"}
	errBareLF   = errors.New("smtp: bare <LF> received")
	errGivenUp  = errors.New("smtp: the client gave the message up")
	errUnread   = errors.New("smtp: the backend did not read the whole message")
)

// content is a message while it arrives: the reader that Backend.Deliver gets. It reads the wire itself; the engine has
// no part in it. io.EOF comes only after a whole message that may be delivered; every other end is an error, and stays.
type content struct {
	f      *front
	lines  lines
	chunks *chunks // nil: DATA
	size   int64   // bytes so far, as they are handed over
	whole  int64   // of these, the bytes of whole lines, which is what Postfix logs of a message that was cut off
	err    error   // sticky
	over   bool    // the last byte of it was taken off the wire, or the connection is gone
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	for c.err == nil && len(c.lines.out) == 0 && c.lines.owed == 0 {
		c.fill()
	}
	if c.err != nil {
		return 0, c.err
	}
	n := copy(p, c.lines.out)
	c.lines.out = c.lines.out[n:]
	for ; n < len(p) && len(c.lines.out) == 0 && c.lines.owed > 0; n++ {
		p[n] = '\r'
		c.lines.owed--
	}
	return n, nil
}

// fill converts some bytes of the wire, or finds the end.
func (c *content) fill() {
	if c.over {
		c.err = c.verdict()
		return
	}
	raw, err := c.window()
	if err != nil {
		c.err, c.over = err, true
		return
	}
	c.convert(raw)
	if i := bytes.LastIndexByte(c.lines.out, '\n'); i >= 0 {
		c.whole = c.size + int64(i) + 1
	}
	c.size += int64(len(c.lines.out) + c.lines.owed)
	if c.size > c.f.cfg.SizeLimit {
		c.f.log.Warning(c.f.tx.id() + ": queue file size limit exceeded")
		c.err = errTooLarge
	}
}

// convert takes bytes off the wire into the lines.
func (c *content) convert(raw []byte) {
	c.lines.out = c.lines.out[:0]
	n := c.lines.convert(raw)
	c.f.wire.Discard(n)
	if c.chunks == nil {
		c.over = c.lines.ended
		return
	}
	c.chunks.left -= int64(n)
	if c.chunks.left == 0 && c.chunks.last {
		c.lines.finish()
		c.over = true
	}
}

// verdict is how a message ends that has arrived whole.
func (c *content) verdict() error {
	if c.lines.bareLF && c.lines.strict {
		return errBareLF
	}
	return io.EOF
}

// window is what there is of the message on the wire.
func (c *content) window() ([]byte, error) {
	if c.chunks != nil {
		if err := c.nextChunk(); err != nil || c.chunks.left == 0 {
			return nil, err
		}
	}
	raw, err := c.f.wire.Window()
	if err != nil {
		c.f.lost(err)
		return nil, c.f.gone
	}
	if c.chunks != nil && int64(len(raw)) > c.chunks.left {
		raw = raw[:c.chunks.left]
	}
	return raw, nil
}

// drain takes the rest of a message that will not be delivered off the wire, or of its chunk: the refusal is the reply
// to that chunk, and what follows it is refused command by command.
func (c *content) drain() {
	for !c.over && (c.chunks == nil || c.chunks.left > 0) {
		c.lines.owed = 0
		raw, err := c.window()
		if err != nil {
			return
		}
		c.convert(raw)
	}
	c.over = true
}

// abort ends a message that is given up between two chunks.
func (c *content) abort() {
	c.err, c.over = errGivenUp, true
}

// dataCommand is DATA (RFC 5321 section 4.1.1.4).
func (f *front) dataCommand(_ string, args []token) answer {
	switch {
	case f.tx.chunking():
		return no("503 5.5.1 Error: DATA after BDAT")
	case f.tx == nil:
		return no("503 5.5.1 Error: need RCPT command")
	case len(f.tx.env.Recipients) == 0:
		return no("554 5.5.1 Error: no valid recipients")
	case len(args) != 1:
		return no("501 5.5.4 Syntax: DATA")
	}
	return answer{engine: "DATA", on354: func() {
		f.tx.content = f.newContent(nil)
		f.say("354 End data with <CR><LF>.<CR><LF>")
	}}
}

// newContent makes the reader of the message that comes now.
func (f *front) newContent(chunks *chunks) *content {
	f.tx.env.Protocol = f.protocol()
	return &content{f: f, chunks: chunks, lines: lines{dots: chunks == nil, strict: f.cfg.BareLF == BareLFReject}}
}

// protocol is what Received says after "with" (RFC 3848; Postfix's name for RFC 6531's).
func (f *front) protocol() string {
	name := f.proto
	if f.tx.env.UTF8 {
		name = "UTF8SMTP"
	}
	if f.proto == "ESMTP" && f.secure {
		name += "S"
	}
	if f.proto == "ESMTP" && f.saslUser != "" {
		name += "A"
	}
	return name
}

// deliver hands the message to the backend and makes the reply. It runs in the engine's session, between the 354 that
// the engine wrote and the reply that it will write.
func (f *front) deliver() {
	tx, c := f.tx, f.tx.content
	err := f.server.backend.Deliver(context.WithoutCancel(f.ctx), &tx.env, c) // a delivery is finished, not cut off
	if err == nil && c.err != io.EOF {
		err = errUnread
		f.cfg.Errors.Error("a message was not read to its end, yet delivered", "id", tx.env.ID)
	}
	aborted := c.err == errGivenUp
	if err != nil {
		c.drain()
	}
	f.record.Data(int(c.size))
	if f.gone != nil || aborted {
		return // there is nobody to tell, or it has been told
	}
	f.where = afterMessage
	f.pending = f.outcome(tx, c, err)
}

// outcome is the reply to a message.
func (f *front) outcome(tx *transaction, c *content, err error) answer {
	done := func() {
		f.tx = nil
		if c.chunks != nil && !c.chunks.last {
			f.tx = &transaction{failed: true}
		}
	}
	switch {
	case err == nil:
		size := ""
		if c.chunks != nil {
			size = fmt.Sprintf(" %d bytes", c.size)
		}
		return answer{text: "250 2.0.0 Ok:" + size + " queued as " + tx.env.ID, done: func() {
			f.tx, f.errors, f.junk = nil, 0, 0
		}}
	case c.lines.bareLF && c.lines.strict:
		f.reject("bare <LF> received", nil)
		return answer{text: "550 5.5.2 " + f.cfg.Hostname + " Error: bare <LF> received", failed: true, done: done}
	case c.err == errTooLarge:
		err = errTooLarge
	}
	return answer{text: errorReply(err), failed: true, done: done}
}
