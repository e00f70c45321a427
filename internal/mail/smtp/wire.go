package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// Telnet's command bytes (RFC 854), and the one option that a telnet client waits for an answer to.
const (
	iac  = 255
	will = 251
	wont = 252
	do   = 253
	dont = 254
	sb   = 250
	se   = 240

	timingMark = 6 // RFC 860
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
	mark     int          // how much of interruption the content has just shown, see Discard
}

// interruption is what telnet sends for ^C: IAC IP, IAC DO TIMING-MARK.
const interruption = "\xff\xf4\xff\xfd\x06"

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
	if w.mark > 0 || bytes.IndexByte(taken, iac) >= 0 {
		for _, c := range taken {
			w.look(c)
		}
	}
	_, _ = w.r.Discard(n)
}

// look follows the content for interruption.
func (w *wire) look(c byte) {
	switch {
	case c == interruption[w.mark]:
		w.mark++
	case c == interruption[0]:
		w.mark = 1
	default:
		w.mark = 0
	}
	if w.mark == len(interruption) {
		w.mark = 0
		w.write(string([]byte{iac, wont, timingMark}))
	}
}

// line reads a command line of at most limit bytes; more is skipped, and told by long. Telnet negotiation is taken out,
// and the CRs before the LF; bare tells that there was none.
func (w *wire) line(limit int) (text []byte, long, bare bool, err error) {
	for {
		c, err := w.r.ReadByte()
		if err != nil {
			return text, long, bare, err
		}
		if c == iac {
			literal, err := w.telnet()
			if err != nil {
				return text, long, bare, err
			}
			if !literal {
				continue
			}
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

// telnet takes what follows IAC. It returns true when that is a second IAC, which stands for the byte itself. A client
// that was interrupted with ^C sends DO TIMING-MARK and throws away all it gets until that is answered.
func (w *wire) telnet() (literal bool, err error) {
	c, err := w.r.ReadByte()
	switch {
	case err != nil:
		return false, err
	case c == iac:
		return true, nil
	case c == sb:
		return false, w.subnegotiation()
	case c < will:
		return false, nil
	}
	option, err := w.r.ReadByte()
	if err == nil && c == do && option == timingMark {
		w.write(string([]byte{iac, wont, timingMark}))
	}
	return false, err
}

// subnegotiation takes everything up to IAC SE.
func (w *wire) subnegotiation() error {
	for last := byte(0); ; {
		c, err := w.r.ReadByte()
		if err != nil {
			return err
		}
		if last == iac && c == se {
			return nil
		}
		if last == iac && c == iac {
			c = 0 // an escaped IAC escapes nothing
		}
		last = c
	}
}
