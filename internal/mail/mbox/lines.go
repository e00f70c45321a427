package mbox

import (
	"bytes"
	"io"
)

// piece is a line of the file, or, when the line is longer than the buffer, a part of one.
type piece struct {
	text   []byte // without LF or CRLF; valid until the next piece is read
	off    int64  // of text in the file
	next   int64  // offset after it, its line end included
	begins bool   // text is at the beginning of the line
	ends   bool   // text is followed by the line's end, in the file or at the end of the range
}

// lines reads a range of a file line by line in constant memory. A CR counts as part of the line end only right before
// an LF, wherever the buffer happens to end, so that two readers with buffers of different sizes see the same bytes.
type lines struct {
	r        io.ReaderAt
	off, to  int64 // offset of buf[0]; end of the range
	buf      []byte
	pos, end int // unread bytes of buf
	middle   bool
	step     int // how much is read at once at most; 0: as much as fits
}

func newLines(r io.ReaderAt, from, to int64, buf []byte) *lines {
	return &lines{r: r, off: from, to: to, buf: buf}
}

// read returns the next piece, or io.EOF at the end of the range (or of a file that is shorter).
func (l *lines) read() (piece, error) {
	for {
		rest := l.buf[l.pos:l.end]
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			return l.take(i, i+1, true), nil
		}
		full := l.pos == 0 && l.end == len(l.buf)
		switch {
		case full && rest[len(rest)-1] == '\r':
			return l.take(len(rest)-1, len(rest)-1, false), nil
		case full:
			return l.take(len(rest), len(rest), false), nil
		}
		if err := l.fill(); err == io.EOF && len(rest) > 0 {
			return l.take(len(rest), len(rest), true), nil
		} else if err != nil {
			return piece{}, err
		}
	}
}

// take consumes n bytes, of which the first m are the text.
func (l *lines) take(m, n int, ends bool) piece {
	text := l.buf[l.pos : l.pos+m]
	if ends && n > m {
		text = bytes.TrimSuffix(text, []byte("\r"))
	}
	off := l.off + int64(l.pos)
	p := piece{text: text, off: off, next: off + int64(n), begins: !l.middle, ends: ends}
	l.pos += n
	l.middle = !ends
	return p
}

// fill moves the unread bytes to the front and reads more behind them.
func (l *lines) fill() error {
	l.off += int64(l.pos)
	copy(l.buf, l.buf[l.pos:l.end])
	l.end -= l.pos
	l.pos = 0
	room := l.buf[l.end:]
	if left := l.to - l.off - int64(l.end); left < int64(len(room)) {
		room = room[:max(left, 0)]
	}
	if len(room) == 0 {
		return io.EOF
	}
	if l.step > 0 && l.step < len(room) {
		room = room[:l.step]
	}
	n, err := l.r.ReadAt(room, l.off+int64(l.end))
	l.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return err
}
