package smtp

import (
	"errors"
	"io"
	"net"
	"sync"
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
	raw      net.Conn // the client's; only its deadlines are touched from another goroutine
	conn     net.Conn // raw, or TLS over it
	timeout  time.Duration
	stopping atomic.Bool // set by stop
	err      error       // sticky

	in       []byte // in[from:to] has come and is not taken
	from, to int
	small    []byte // in, while no message comes: ten thousand idle clients have one each
	out      []byte

	typed   telnet.Filter
	content telnet.Interruption
}

// Sizes of what is read at once. A message's is lent while it comes.
const (
	smallRead = 4 << 10
	largeRead = 32 << 10
)

// largeReads are the buffers that messages are read with.
type largeReads struct{ pool sync.Pool }

func (l *largeReads) get() []byte {
	if b, ok := l.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, largeRead)
}

func (l *largeReads) put(b []byte) { l.pool.Put(&b) }

// newWire makes a wire over conn.
func newWire(conn net.Conn, timeout time.Duration) *wire {
	small := make([]byte, smallRead)
	return &wire{raw: conn, conn: conn, timeout: timeout, in: small, small: small}
}

// stop ends a waiting read, and all later ones.
func (w *wire) stop() {
	w.stopping.Store(true)
	_ = w.raw.SetReadDeadline(time.Unix(1, 0)) // long ago
}

// secure goes on over another connection, forgetting what came before.
func (w *wire) secure(conn net.Conn) {
	w.conn, w.from, w.to = conn, 0, 0
	w.typed, w.content = telnet.Filter{}, telnet.Interruption{}
}

// enlarge reads with a large buffer until reduce.
func (w *wire) enlarge(pool *largeReads) {
	large := pool.get()
	w.to = copy(large, w.in[w.from:w.to])
	w.in, w.from = large, 0
}

// reduce gives the large buffer back. More that was typed ahead than the small one holds is kept until it was taken.
func (w *wire) reduce(pool *largeReads) {
	if len(w.in) != largeRead {
		return
	}
	large := w.in
	w.in = w.small
	if ahead := w.to - w.from; ahead > len(w.in) {
		w.in = make([]byte, ahead)
	}
	w.to = copy(w.in, large[w.from:w.to])
	w.from = 0
	pool.put(large)
}

// Window returns bytes that have arrived, at least one, without taking them.
func (w *wire) Window() ([]byte, error) {
	if w.from == w.to {
		if err := w.read(); err != nil {
			return nil, err
		}
	}
	return w.in[w.from:w.to], nil
}

// read reads what there is, after all replies have been sent.
func (w *wire) read() error {
	if err := w.flush(); err != nil {
		return err
	}
	_ = w.raw.SetReadDeadline(time.Now().Add(w.timeout)) // a closed connection tells by the read
	if w.stopping.Load() {
		w.err = errStopping // after the deadline was set: stop either sees it overwritten, or we see stopping
		return w.err
	}
	if len(w.in) != largeRead {
		w.in = w.small
	}
	n, err := 0, error(nil)
	for tries := 100; n == 0 && err == nil && tries > 0; tries-- { // a pipe may hand over nothing, once
		n, err = w.conn.Read(w.in)
	}
	if err != nil && w.stopping.Load() {
		err = errStopping
	}
	w.from, w.to = 0, n
	if n > 0 {
		return nil // an error will come again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	w.err = err
	return err
}

// flush sends the gathered replies.
func (w *wire) flush() error {
	if w.err != nil || len(w.out) == 0 {
		return w.err
	}
	_ = w.raw.SetWriteDeadline(time.Now().Add(w.timeout))
	_, w.err = w.conn.Write(w.out)
	w.out = w.out[:0]
	return w.err
}

// write gathers text, as much as is good to send at once; errors show at the next read.
func (w *wire) write(text string) {
	w.out = append(w.out, text...)
	if len(w.out) > smallRead {
		_ = w.flush()
		w.out = w.out[:0]
	}
}

// ahead is what was typed ahead.
func (w *wire) ahead() []byte { return w.in[w.from:w.to] }

// Discard takes n bytes of the window, which are content: mail keeps every byte. But a person who types ^C into telnet
// in the middle of a message sees nothing more until the timing mark is answered, not even the 250; so it is, when the
// very five bytes come that telnet sends for it.
func (w *wire) Discard(n int) {
	for range w.content.Look(w.in[w.from : w.from+n]) {
		w.write(telnet.Answer)
	}
	w.from += n
}

// line reads a command line of at most limit bytes; more is skipped, and told by long. Telnet negotiation is taken out,
// and the CRs before the LF; bare tells that there was none.
func (w *wire) line(limit int) (text []byte, long, bare bool, err error) {
	for {
		window, err := w.Window()
		if err != nil {
			return text, long, bare, err
		}
		for i, c := range window {
			typed, mark := w.typed.Take(c)
			switch {
			case mark:
				w.write(telnet.Answer)
			case !typed:
			case c == '\n':
				w.from += i + 1
				end := len(text)
				for end > 0 && text[end-1] == '\r' {
					end--
				}
				return text[:end], long, end == len(text), nil
			case len(text) < limit:
				text = append(text, c)
			case c != '\r':
				long = true
			}
		}
		w.from = w.to
	}
}
