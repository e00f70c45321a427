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

// chunking tells that a message has begun with BDAT, and may have failed.
func (t *transaction) chunking() bool {
	return t != nil && (t.failed || t.inChunks())
}

// void tells a transaction that only exists because a BDAT without MAIL failed.
func (t *transaction) void() bool {
	return t.env.Arrived.IsZero()
}

// bdatCommand is BDAT. The chunk follows the line whatever the answer is, so it is taken off the wire in any case.
func (f *front) bdatCommand(line string, args []token) answer {
	size, last, valid := parseBdat(args)
	if !valid {
		f.log.Warning(fmt.Sprintf("%s: malformed BDAT command syntax from %s: %.100s", f.idOrNone(), f.client,
			printable(line, '?')))
		return no("521 5.5.4 Syntax: BDAT count [LAST]")
	}
	chunk := chunks{left: size, bytes: size, last: last}
	if text := f.refuseChunk(chunk); text != "" {
		return f.skipChunk(chunk, text)
	}
	if f.tx.inChunks() {
		*f.tx.content.chunks = chunk
		return answer{}
	}
	return answer{engine: "DATA", on354: func() { f.tx.content = f.newContent(&chunk) }}
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
func (f *front) refuseChunk(c chunks) string {
	switch {
	case c.bytes == 0 && !c.last:
		f.log.Warning(f.idOrNone() + ": null BDAT request from " + f.client.String())
		return "551 5.7.1 Null BDAT request"
	case f.tx != nil && f.tx.failed:
		return fmt.Sprintf("551 5.0.0 Discarded %d bytes after earlier error", c.bytes)
	case f.tx == nil:
		return "503 5.5.1 Error: need RCPT command"
	case len(f.tx.env.Recipients) == 0:
		return "554 5.5.1 Error: no valid recipients"
	case c.bytes > f.cfg.SizeLimit-f.received():
		f.log.Warning(f.idOrNone() + ": BDAT request from " + f.client.String() + " exceeds message size limit")
		return "552 5.3.4 Chunk exceeds message size limit"
	}
	return ""
}

// received is how much of the message has come in earlier chunks.
func (f *front) received() int64 {
	if f.tx.content == nil {
		return 0
	}
	return f.tx.content.size
}

// skipChunk takes a refused chunk off the wire. All that follows is refused too, up to the last chunk or RSET.
func (f *front) skipChunk(c chunks, text string) answer {
	if f.tx != nil {
		f.tx.failed = true
	}
	for c.left > 0 {
		raw, err := f.wire.Window()
		if err != nil {
			f.lost(err)
			return answer{}
		}
		n := min(int64(len(raw)), c.left)
		f.wire.Discard(int(n))
		c.left -= n
	}
	f.record.Data(int(c.bytes))
	a := no(text)
	if f.tx != nil {
		a.engine, a.given = "RSET", true
	}
	a.done = func() {
		switch {
		case c.last:
			f.tx = nil
		case f.tx == nil:
			f.tx = &transaction{failed: true}
		}
	}
	return a
}

// idOrNone is how the log names a transaction.
func (f *front) idOrNone() string {
	if id := f.tx.id(); id != "" {
		return id
	}
	return "NOQUEUE"
}

// nextChunk waits for a chunk of which something is left. Between chunks the client may say other things; RSET and the
// like end the message.
func (c *content) nextChunk() error {
	for c.chunks.left == 0 && !c.chunks.last {
		if c.chunks.bytes > 0 {
			c.f.finish(ok(fmt.Sprintf("250 2.0.0 Ok: %d bytes", c.chunks.bytes)))
			c.chunks.bytes = 0
		}
		c.f.step()
		switch {
		case c.f.gone != nil:
			return c.f.gone
		case c.err != nil:
			return c.err
		}
	}
	return nil
}
