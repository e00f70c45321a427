package smtp

import (
	"fmt"
	"strconv"
	"strings"
)

// chunks is a message that comes in BDAT commands (RFC 3030).
type chunks struct {
	left  int64 // bytes of this chunk that have not come
	bytes int64 // of this chunk in all
	last  bool
}

// bdatCommand is BDAT. The chunk follows the line whatever the answer is, so it is taken off the wire in any case.
func bdatCommand(l *loop, line string, args []token) answer {
	size, last, valid := parseBdat(args)
	if !valid {
		l.log.Warning(fmt.Sprintf("%s: malformed BDAT command syntax from %s: %.100s", l.idOrNone(), l.name,
			printable(line, '?')))
		return no("521 5.5.4 Syntax: BDAT count [LAST]")
	}
	chunk := chunks{left: size, bytes: size, last: last}
	if text := l.refuseChunk(chunk); text != "" {
		return l.skipChunk(chunk, text)
	}
	if l.tx.inChunks() {
		*l.tx.content.chunks = chunk
		return answer{}
	}
	l.tx.content = newContent(l, &chunk)
	return l.deliver()
}

// parseBdat reads "BDAT 100" and "BDAT 100 LAST".
func parseBdat(args []token) (size int64, last, valid bool) {
	if len(args) < 2 || len(args) > 3 || strings.Trim(args[1].text, "0123456789") != "" {
		return 0, false, false
	}
	size, err := strconv.ParseInt(args[1].text, 10, 64)
	last = len(args) == 3
	return size, last, err == nil && (!last || strings.EqualFold(args[2].text, "LAST"))
}

// refuseChunk is the reply to a chunk that cannot be taken, or "".
func (l *loop) refuseChunk(c chunks) string {
	switch {
	case c.bytes == 0 && !c.last:
		l.log.Warning(l.idOrNone() + ": null BDAT request from " + l.name)
		return "551 5.7.1 Null BDAT request"
	case l.tx != nil && l.tx.failed:
		return fmt.Sprintf("551 5.0.0 Discarded %d bytes after earlier error", c.bytes)
	case l.tx == nil:
		return "503 5.5.1 Error: need RCPT command"
	case l.tx.accepted == 0:
		return "554 5.5.1 Error: no valid recipients"
	case c.bytes > l.cfg.SizeLimit-l.received():
		l.log.Warning(l.idOrNone() + ": BDAT request from " + l.name + " exceeds message size limit")
		return "552 5.3.4 Chunk exceeds message size limit"
	}
	return ""
}

// received is how much of the message has come in earlier chunks.
func (l *loop) received() int64 {
	if l.tx.content == nil {
		return 0
	}
	return l.tx.content.size
}

// skipChunk takes a refused chunk off the wire. All that follows is refused too, up to the last chunk or RSET.
func (l *loop) skipChunk(c chunks, text string) answer {
	before := l.tx
	if before != nil {
		before.failed = true
	}
	for c.left > 0 {
		raw, err := l.wire.Window()
		if err != nil {
			l.lost(err)
			return answer{}
		}
		n := min(int64(len(raw)), c.left)
		l.wire.Discard(int(n))
		c.left -= n
	}
	l.record.Data(int(c.bytes))
	a := no(text)
	a.ends, a.done = l.tx != nil, func() {
		l.tx = before
		switch {
		case c.last:
			l.tx = nil
		case l.tx == nil:
			l.tx = &transaction{failed: true}
		}
	}
	return a
}

// idOrNone is how the log names a transaction.
func (l *loop) idOrNone() string {
	if id := l.tx.name(); id != "" {
		return id
	}
	return "NOQUEUE"
}

// nextChunk waits for a chunk of which something is left. Between chunks the client may say other things; RSET and the
// like end the message.
func (c *content) nextChunk() error {
	for c.chunks.left == 0 && !c.chunks.last {
		if c.chunks.bytes > 0 {
			c.l.finish(ok(fmt.Sprintf("250 2.0.0 Ok: %d bytes", c.chunks.bytes)))
			c.chunks.bytes = 0
		}
		c.l.step()
		switch {
		case c.l.gone != nil:
			return c.l.gone
		case c.err != nil:
			return c.err
		}
	}
	return nil
}
