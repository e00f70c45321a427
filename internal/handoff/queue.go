package handoff

import (
	"context"
	"net"
	"sync"
)

// Queue is a listener for connections that are there already: who has one gives it to Serve. Make it with NewQueue.
type Queue struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewQueue makes one.
func NewQueue() *Queue { return &Queue{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Serve hands a connection to who accepts, and waits until it is closed: by them, or because ctx ends or the queue closes.
func (q *Queue) Serve(ctx context.Context, conn net.Conn) {
	one := &queued{Conn: conn, gone: make(chan struct{})}
	defer one.Close()
	select {
	case q.conns <- one:
	case <-ctx.Done():
		return
	case <-q.closed:
		return
	}
	select {
	case <-one.gone:
	case <-ctx.Done():
	case <-q.closed:
	}
}

// Accept implements net.Listener.
func (q *Queue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// Close ends accepting, and closes what was accepted.
func (q *Queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

// Addr is no address that anybody could dial.
func (*Queue) Addr() net.Addr { return &net.UnixAddr{Name: "queue", Net: "unix"} }

// queued is a connection that tells when it is closed.
type queued struct {
	net.Conn
	once sync.Once
	gone chan struct{}
}

func (c *queued) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { close(c.gone) })
	return err
}
