package smtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	gosmtp "github.com/emersion/go-smtp"
)

// Why a message's content ends without a message.
var (
	errTooLarge = &gosmtp.SMTPError{Code: 552, EnhancedCode: gosmtp.EnhancedCode{5, 3, 4}, Message: "Error: message file too big"}
	errBareLF   = errors.New("smtp: bare <LF> received")
	errGivenUp  = errors.New("smtp: the client gave the message up")
	errUnread   = errors.New("smtp: the backend did not read the whole message")
)

// content is a message while it arrives: the reader that a session's Data gets. io.EOF comes only after a whole message that
// may be delivered; every other end is an error, and stays.
type content struct {
	l      *loop
	lines  lines
	chunks *chunks // nil: DATA
	size   int64   // bytes so far, as they are handed over
	whole  int64   // of these, the bytes of whole lines, which is what Postfix logs of a message that was cut off
	err    error   // sticky
	over   bool    // the last byte of it was taken off the wire, or the connection is gone
}

// newContent makes the reader of the message that comes now.
func newContent(l *loop, chunks *chunks) *content {
	return &content{l: l, chunks: chunks, lines: lines{dots: chunks == nil, strict: l.cfg.BareLF == BareLFReject}}
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (n int, err error) {
	for n == 0 && len(p) > 0 && c.err == nil {
		switch n, err = c.fill(p); {
		case err != nil:
			c.err, c.over = err, true
		case n == 0 && c.over && !c.lines.owes():
			c.err = c.verdict()
		}
	}
	if c.err != nil {
		return 0, c.err
	}
	return n, nil
}

// fill converts some bytes of the wire into p.
func (c *content) fill(p []byte) (n int, err error) {
	var raw []byte
	if !c.over && !c.lines.owes() {
		if raw, err = c.window(); err != nil {
			return 0, err
		}
	}
	n, used := c.lines.convert(p, raw)
	c.took(used)
	if i := bytes.LastIndexByte(p[:n], '\n'); i >= 0 {
		c.whole = c.size + int64(i) + 1
	}
	if c.size += int64(n); c.size > c.l.cfg.SizeLimit && c.err == nil {
		c.l.log.Warning(c.l.tx.name() + ": queue file size limit exceeded")
		c.err = errTooLarge
	}
	return n, nil
}

// took takes bytes off the wire, and notices the end.
func (c *content) took(n int) {
	c.l.wire.Discard(n)
	if c.chunks == nil {
		c.over = c.over || c.lines.ended
		return
	}
	c.chunks.left -= int64(n)
	if c.chunks.left == 0 && c.chunks.last && !c.over && !c.lines.owes() {
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
	raw, err := c.l.wire.Window()
	if err != nil {
		c.l.lost(err)
		return nil, c.l.gone
	}
	if c.chunks != nil && int64(len(raw)) > c.chunks.left {
		raw = raw[:c.chunks.left]
	}
	return raw, nil
}

// drain takes the rest of a message that will not be delivered off the wire, or of its chunk: the refusal is the reply
// to that chunk, and what follows it is refused command by command.
func (c *content) drain() {
	var scrap [smallRead]byte
	for !c.over && (c.chunks == nil || c.chunks.left > 0) {
		var raw []byte
		var err error
		if !c.lines.owes() {
			if raw, err = c.window(); err != nil {
				break
			}
		}
		_, used := c.lines.convert(scrap[:], raw)
		c.took(used)
	}
	c.over = true
}

// abort ends a message that is given up between two chunks.
func (c *content) abort() {
	c.err, c.over = errGivenUp, true
}

// dataCommand is DATA (RFC 5321 section 4.1.1.4).
func dataCommand(l *loop, _ string, args []token) answer {
	switch {
	case l.tx.chunking():
		return no("503 5.5.1 Error: DATA after BDAT")
	case l.tx == nil:
		return no("503 5.5.1 Error: need RCPT command")
	case l.tx.accepted == 0:
		return no("554 5.5.1 Error: no valid recipients")
	case len(args) != 1:
		return no("501 5.5.4 Syntax: DATA")
	}
	if text := l.refusal("data"); text != "" {
		return no(text)
	}
	l.say("354 End data with <CR><LF>.<CR><LF>")
	l.tx.content = newContent(l, nil)
	return l.deliver()
}

// deliver hands the message to the session and makes the reply.
func (l *loop) deliver() answer {
	tx, c := l.tx, l.tx.content
	l.wire.enlarge(&l.server.reads)
	err := l.session.Data(c)
	var said *gosmtp.SMTPError
	taken := err == nil || errors.As(err, &said) && said.Code/100 == 2
	if taken && c.err != io.EOF {
		taken, err = false, errUnread
		l.cfg.Errors.Error("a message was not read to its end, yet delivered", "id", tx.id)
	}
	hangUp := errors.Is(err, ErrHangUp)
	if !taken && !hangUp {
		c.drain()
	}
	l.wire.reduce(&l.server.reads)
	l.record.Data(int(c.size))
	switch {
	case l.gone != nil:
		return answer{} // there is nobody to tell
	case hangUp:
		l.ended = lostConnection
		l.hangUpNow()
		return answer{}
	case c.err == errGivenUp:
		a := l.pending
		l.pending = answer{}
		return a
	}
	l.where = afterMessage
	l.session.Reset()
	if !taken {
		return l.refused(tx, c, err)
	}
	return l.taken(tx, c, said)
}

// taken is the reply to a message that is on disk.
func (l *loop) taken(tx *transaction, c *content, said *gosmtp.SMTPError) answer {
	text := "250 2.0.0 Ok"
	if tx.id != "" {
		text += ": queued as " + tx.id
	}
	if said != nil {
		text = replyOf(said)
	}
	if c.chunks != nil {
		text = strings.Replace(text, " Ok: ", fmt.Sprintf(" Ok: %d bytes ", c.size), 1)
	}
	return answer{text: text, done: func() { l.tx, l.errors, l.junk = nil, 0, 0 }}
}

// refused is the reply to one that is not.
func (l *loop) refused(tx *transaction, c *content, err error) answer {
	a := no(errorReply(err, "Error: queue file write error"))
	switch {
	case c.lines.bareLF && c.lines.strict:
		l.reject("bare <LF> received", nil)
		a.text = "550 5.5.2 " + l.cfg.Hostname + " Error: bare <LF> received"
	case c.err == errTooLarge:
		a.text = replyOf(errTooLarge)
	}
	a.done = func() {
		l.tx = nil
		if c.chunks != nil && !c.chunks.last {
			l.tx = &transaction{failed: true}
		}
	}
	return a
}
