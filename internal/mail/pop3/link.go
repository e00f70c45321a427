package pop3

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"time"
)

// errStopped is what a read returns after the server was told to stop.
var errStopped = errors.New("stopped")

// grace is how long a reply under way, and the last word, may take once the server was told to stop.
const grace = time.Second

// link is the connection below TLS: it keeps the deadlines, and counts nothing else.
//
// A command line as a whole has one deadline, set by expect, so that a client that sends an octet a minute is cut off as
// one that sends nothing. A write has a deadline of its own: a slow reader is served as long as it takes something.
type link struct {
	net.Conn
	stalled time.Duration

	mu      sync.Mutex
	stopped bool
}

// expect starts the time for a command line.
func (l *link) expect(within time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		_ = l.SetReadDeadline(time.Now().Add(within)) // fails only on a closed connection, as the read will
	}
}

// stop ends the wait for a command, and bounds what is being written.
func (l *link) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	_ = l.SetReadDeadline(time.Unix(1, 0))
	_ = l.SetWriteDeadline(time.Now().Add(grace))
}

func (l *link) hasStopped() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if err != nil && l.hasStopped() {
		err = errStopped
	}
	return n, err
}

func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	if !l.stopped {
		_ = l.SetWriteDeadline(time.Now().Add(l.stalled))
	}
	l.mu.Unlock()
	n, err := l.Conn.Write(p)
	if err != nil && l.hasStopped() {
		err = errStopped
	}
	return n, err
}

// isTimeout tells a deadline from a broken line.
func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// bufferPool lends the buffers for replies, so that a session at rest holds none.
type bufferPool struct {
	writers sync.Pool
	chunks  sync.Pool
}

const (
	writeBuffer = 32 << 10
	chunkSize   = 32 << 10
)

func newBufferPool() *bufferPool {
	return &bufferPool{
		writers: sync.Pool{New: func() any { return bufio.NewWriterSize(nil, writeBuffer) }},
		chunks:  sync.Pool{New: func() any { b := make([]byte, chunkSize); return &b }},
	}
}

// output gathers replies until flush. Its first error sticks, and everything after it is thrown away.
type output struct {
	conn net.Conn
	pool *bufferPool
	buf  *bufio.Writer // nil: nothing waits
	sent int64
	err  error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	o.borrow()
	n, err := o.buf.Write(p)
	return o.wrote(n, err)
}

// WriteString spares a reply line the copy.
func (o *output) WriteString(s string) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	o.borrow()
	n, err := o.buf.WriteString(s)
	return o.wrote(n, err)
}

func (o *output) borrow() {
	if o.buf == nil {
		o.buf = o.pool.writers.Get().(*bufio.Writer)
		o.buf.Reset(o.conn)
	}
}

func (o *output) wrote(n int, err error) (int, error) {
	o.sent += int64(n)
	if o.err == nil {
		o.err = err
	}
	return n, o.err
}

// flush sends what waits and gives the buffer back.
func (o *output) flush() error {
	if o.buf == nil {
		return o.err
	}
	err := o.buf.Flush()
	o.buf.Reset(nil)
	o.pool.writers.Put(o.buf)
	o.buf = nil
	if o.err == nil {
		o.err = err
	}
	return o.err
}

// abandon throws away what waits: the connection is to break off here.
func (o *output) abandon(err error) {
	if o.buf != nil {
		o.buf.Reset(nil)
		o.pool.writers.Put(o.buf)
		o.buf = nil
	}
	if o.err == nil {
		o.err = err
	}
}
