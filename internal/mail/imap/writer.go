package imap

import (
	"bytes"
	"fmt"
	"io"
	"maillab/internal/mail"
	"net"
	"strconv"
	"sync"
	"time"
)

// flushAt is how much output is gathered before it is sent.
const flushAt = 32 << 10

// buffers are shared by all connections, so that an idle one has none.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, flushAt+4096)
}

func (b *buffers) put(buf []byte) {
	if cap(buf) <= 2*flushAt+4096 {
		b.pool.Put(&buf)
	}
}

// writer gathers output. Its errors are sticky: after the first one everything is thrown away, and the next read of
// the connection finds it closed.
type writer struct {
	nc      net.Conn
	timeout time.Duration
	pool    *buffers
	buf     []byte
	err     error
	count   int64         // octets sent
	rec     mail.Recorder // nil: nobody
	line    []byte        // the recorder's line so far
}

func (w *writer) bytes(b []byte) {
	if w.rec != nil {
		w.record(b)
	}
	w.raw(b)
}

func (w *writer) str(s string) {
	if w.rec != nil {
		w.record([]byte(s))
	}
	w.room(len(s))
	w.buf = append(w.buf, s...)
}

func (w *writer) byte(b byte) {
	if w.rec != nil {
		w.record([]byte{b})
	}
	w.room(1)
	w.buf = append(w.buf, b)
}

func (w *writer) num(n uint64) {
	var digits [20]byte
	w.bytes(strconv.AppendUint(digits[:0], n, 10))
}

func (w *writer) printf(format string, args ...any) { w.str(fmt.Sprintf(format, args...)) }

// crlf ends a line.
func (w *writer) crlf() { w.str("\r\n") }

// literal writes an announced literal of data.
func (w *writer) literal(data []byte) {
	w.byte('{')
	w.num(uint64(len(data)))
	w.str("}\r\n")
	w.summary(int64(len(data)))
	w.raw(withoutNUL(data))
}

// literalFrom writes n octets of r as a literal, which must have that many: a message's bytes never change. If it does
// not, the rest is made up of blanks, because the length has been promised.
func (w *writer) literalFrom(r io.ReaderAt, off, n int64) error {
	w.byte('{')
	w.num(uint64(n))
	w.str("}\r\n")
	w.summary(n)
	for n > 0 && w.err == nil {
		w.room(1)
		chunk := int(min(n, int64(cap(w.buf)-len(w.buf))))
		space := w.buf[len(w.buf) : len(w.buf)+chunk]
		got, err := r.ReadAt(space, off)
		if err != nil && got < chunk {
			for i := range space[got:] {
				space[got+i] = ' '
			}
			if err != io.EOF {
				w.fail(err)
				return err
			}
		}
		withoutNUL(space)
		w.buf = w.buf[:len(w.buf)+chunk]
		off, n = off+int64(chunk), n-int64(chunk)
	}
	return nil
}

// withoutNUL puts 0x80 in the place of NUL, which no literal may have (RFC 3501, section 9), as Dovecot does. It changes b.
func withoutNUL(b []byte) []byte {
	for i := bytes.IndexByte(b, 0); i >= 0 && i < len(b); i++ {
		if b[i] == 0 {
			b[i] = 0x80
		}
	}
	return b
}

func (w *writer) raw(b []byte) {
	for len(b) > 0 && w.err == nil {
		w.room(1)
		n := min(len(b), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, b[:n]...)
		b = b[n:]
	}
}

// room makes sure that n octets can be appended, and that there is a buffer at all.
func (w *writer) room(n int) {
	if w.buf == nil {
		w.buf = w.pool.get()
	}
	if len(w.buf)+n > cap(w.buf) || len(w.buf) >= flushAt {
		w.send()
	}
}

// flush sends what there is and gives the buffer back.
func (w *writer) flush() {
	w.send()
	if w.buf != nil {
		w.pool.put(w.buf)
		w.buf = nil
	}
}

func (w *writer) send() {
	if w.err == nil && len(w.buf) > 0 {
		_ = w.nc.SetWriteDeadline(time.Now().Add(w.timeout))
		n, err := w.nc.Write(w.buf)
		w.count += int64(n)
		if err != nil {
			w.fail(err)
		}
	}
	w.buf = w.buf[:0]
}

// fail gives the connection up: half a response cannot be taken back.
func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
		_ = w.nc.Close()
	}
}

// record hands complete lines to the recorder. A very long one is cut: it is for people.
func (w *writer) record(b []byte) {
	for {
		head, rest, more := bytes.Cut(b, []byte("\n"))
		if room := 8192 - len(w.line); room > 0 {
			w.line = append(w.line, head[:min(len(head), room)]...)
		}
		if !more {
			return
		}
		w.rec.Server(string(bytes.TrimSuffix(w.line, []byte("\r"))))
		w.line, b = w.line[:0], rest
	}
}

// summary stands in the record for a literal's octets.
func (w *writer) summary(n int64) {
	if w.rec != nil {
		w.line = append(w.line, fmt.Sprintf("[%d octets]", n)...)
	}
}
