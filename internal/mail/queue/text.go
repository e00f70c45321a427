package queue

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// text collects a message in one buffer and counts it as Postfix does.
type text struct {
	from *texts // where buffers come from; nil: they are made
	b    []byte
	size int64 // as in size= of the log
	line int   // bytes of the line that is not ended yet
}

const (
	// recordLimit is Postfix's line_length_limit: longer lines are several records in its queue file.
	recordLimit = 2048
	// smallText and largeText are the buffers that are kept for the next message: nearly all mail fits the first, and a
	// class's pictures the second.
	smallText = 16 << 10
	largeText = 128 << 10
	// trusted is how much of an announced size is believed before anything has come.
	trusted = 16 << 20
	// readAtLeast is the room that a read of the body finds.
	readAtLeast = 8 << 10
)

// texts are buffers that no message is in just now.
type texts struct{ small, large sync.Pool }

// get is an empty buffer for a message of about that size; 0 is unknown.
func (t *texts) get(size int64) []byte {
	pool, room := &t.small, smallText
	if size += smallText / 2; size > smallText { // our own header, and the last read
		pool, room = &t.large, largeText
	}
	if size > largeText {
		return make([]byte, 0, min(size, trusted))
	}
	if b, ok := pool.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, room)
}

// put takes a buffer back that nobody looks at any more.
func (t *texts) put(b []byte) {
	switch {
	case cap(b) > 2*largeText:
	case cap(b) >= largeText:
		t.large.Put(&b)
	default:
		t.small.Put(&b)
	}
}

// room makes room for n more bytes. A buffer grows so that a message of 10 MB never needs more than three times its size.
func (t *text) room(n int) {
	if cap(t.b)-len(t.b) >= n {
		return
	}
	next := 4 * cap(t.b)
	if next > 1<<20 {
		next = cap(t.b) + cap(t.b)/2
	}
	var grown []byte
	if t.from != nil && len(t.b)+n <= largeText {
		grown = t.from.get(largeText - smallText)
	} else {
		grown = make([]byte, 0, max(next, len(t.b)+n))
	}
	grown = append(grown, t.b...)
	if t.from != nil {
		t.from.put(t.b)
	}
	t.b = grown
}

// add appends a piece of a line, without its end.
func (t *text) add(piece []byte) {
	t.write(piece)
	t.line += len(piece)
}

// write appends what is not counted.
func (t *text) write(piece []byte) {
	t.room(len(piece))
	t.b = append(t.b, piece...)
}

// end ends the line.
func (t *text) end() {
	t.room(1)
	t.b = append(t.b, '\n')
	t.count()
}

// count counts a line that has ended.
func (t *text) count() {
	for t.line >= recordLimit { // one of just that length has an empty record behind it
		t.size += recordSize(recordLimit)
		t.line -= recordLimit
	}
	t.size += recordSize(t.line)
	t.line = 0
}

// put appends a whole line.
func (t *text) put(line string) {
	t.room(len(line))
	t.b = append(t.b, line...)
	t.line += len(line)
	t.end()
}

// recordSize is what a line of n bytes takes in a Postfix queue file: a type, a length in seven-bit digits, the bytes
// (postfix/src/global/record.c). The size that Postfix logs is the sum of these, so ours is too.
func recordSize(n int) int64 {
	if n < 128 {
		return int64(n) + 2
	}
	return int64(n) + 3
}

// body reads the rest of a message into the buffer, in large pieces, and makes mbox lines of it in place: CRs at a line's
// end go, each other one becomes a blank, because mail readers take it for a line's end. limit bounds it, in bytes with CRLF
// line ends.
func (t *text) body(r io.Reader, limit int64) error {
	raw := len(t.b) // from here on t.b is not looked at yet
	for {
		t.room(readAtLeast)
		n, err := r.Read(t.b[len(t.b):cap(t.b)])
		t.b = t.b[:len(t.b)+n]
		var used int64
		raw, used = t.settle(raw, err != nil)
		if limit -= used; limit < 0 {
			return errTooLarge()
		}
		switch {
		case errors.Is(err, io.EOF):
			if t.line > 0 {
				t.end()
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// settle makes lines of what came from raw on. CRs at the very end are left until it is known what follows, unless nothing
// does. It returns where what is left begins, and how many bytes the rest was with CRLF.
func (t *text) settle(raw int, last bool) (next int, used int64) {
	out, in := raw, t.b[raw:]
	for len(in) > 0 {
		end := bytes.IndexByte(in, '\n')
		whole := end >= 0
		line := in
		if whole {
			line = in[:end]
		}
		line = bytes.TrimRight(line, "\r")
		if !whole && !last && len(line) == 0 {
			break // CRs alone
		}
		for rest := line; ; {
			i := bytes.IndexByte(rest, '\r')
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
		out += copy(t.b[out:], line)
		t.line += len(line)
		used += int64(len(line))
		if !whole {
			if in = in[len(line):]; last {
				in = nil
			}
			break
		}
		t.b[out] = '\n'
		out++
		t.count()
		used += 2
		in = in[end+1:]
	}
	t.b = t.b[:out+copy(t.b[out:], in)]
	return out, used
}
