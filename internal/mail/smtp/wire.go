package smtp

import (
	"bufio"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"maillab/internal/mail/telnet"
)

// errStopping is what reads end with once the server is told to stop.
var errStopping = errors.New("smtp: server is stopping")

// wire is the connection to the client. Each read of the network has a deadline of its own; the first error of either
// direction is kept and all later reads and writes end with it, so that nothing goes on after a time-out as if it had
// not happened. Replies are gathered until the server would wait for the client (RFC 2920 section 3.2).
type wire struct {
	conn     net.Conn
	r        *bufio.Reader
	w        *bufio.Writer
	timeout  time.Duration
	stopping *atomic.Bool // set by stop, from another goroutine
	err      error        // sticky
	typed    telnet.Filter
	content  telnet.Interruption
}

// newWire makes a wire over conn. stopping outlives the wire, which is replaced by STARTTLS.
func newWire(conn net.Conn, timeout time.Duration, stopping *atomic.Bool) *wire {
	w := &wire{conn: conn, timeout: timeout, stopping: stopping}
	w.r = bufio.NewReaderSize((*wireReader)(w), 4<<10) // ten thousand idle clients have one each
	w.w = bufio.NewWriterSize((*wireWriter)(w), 1<<10)
	return w
}

// stop ends a waiting read, and all later ones.
func (w *wire) stop() {
	w.stopping.Store(true)
	_ = w.conn.SetReadDeadline(time.Unix(1, 0)) // long ago
}

// wireReader is the wire's network side.
type wireReader wire

// Read reads what there is, after all replies have been sent.
func (r *wireReader) Read(p []byte) (int, error) {
	w := (*wire)(r)
	if err := w.flush(); err != nil {
		return 0, err
	}
	_ = w.conn.SetReadDeadline(time.Now().Add(w.timeout)) // a closed connection tells by the read
	if w.stopping.Load() {
		w.err = errStopping // after the deadline was set: stop either sees it overwritten, or we see stopping
		return 0, w.err
	}
	n, err := w.conn.Read(p)
	if err != nil && w.stopping.Load() {
		err = errStopping
	}
	if n == 0 && err != nil {
		w.err = err
	}
	return n, err
}

// wireWriter is the wire's network side.
type wireWriter wire

// Write writes with a deadline.
func (r *wireWriter) Write(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	_ = r.conn.SetWriteDeadline(time.Now().Add(r.timeout))
	n, err := r.conn.Write(p)
	if err != nil {
		r.err = err
	}
	return n, err
}

// flush sends the gathered replies.
func (w *wire) flush() error {
	if w.err != nil {
		return w.err
	}
	return w.w.Flush()
}

// write gathers text; errors show at the next read.
func (w *wire) write(text string) {
	_, _ = w.w.WriteString(text)
}

// Window returns bytes that have arrived, at least one, without taking them.
func (w *wire) Window() ([]byte, error) {
	if w.r.Buffered() == 0 {
		if _, err := w.r.Peek(1); err != nil {
			return nil, err
		}
	}
	return w.r.Peek(w.r.Buffered())
}

// Discard takes n bytes of the window, which are content: mail keeps every byte. But a person who types ^C into telnet
// in the middle of a message sees nothing more until the timing mark is answered, not even the 250; so it is, when the
// very five bytes come that telnet sends for it.
func (w *wire) Discard(n int) {
	taken, _ := w.r.Peek(n)
	for range w.content.Look(taken) {
		w.write(telnet.Answer)
	}
	_, _ = w.r.Discard(n)
}

// line reads a command line of at most limit bytes; more is skipped, and told by long. Telnet negotiation is taken out,
// and the CRs before the LF; bare tells that there was none.
func (w *wire) line(limit int) (text []byte, long, bare bool, err error) {
	for {
		c, err := w.r.ReadByte()
		if err != nil {
			return text, long, bare, err
		}
		typed, mark := w.typed.Take(c)
		if mark {
			w.write(telnet.Answer)
		}
		if !typed {
			continue
		}
		if c == '\n' {
			break
		}
		if len(text) < limit {
			text = append(text, c)
		} else if c != '\r' {
			long = true
		}
	}
	end := len(text)
	for end > 0 && text[end-1] == '\r' {
		end--
	}
	return text[:end], long, end == len(text), nil
}
