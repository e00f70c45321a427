package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// stall is how long one side may take nothing of what the other has said: the longest that RFC 5321 section 4.5.3.2 has
// anybody wait for a piece of a message. Without it, a client that stops reading keeps its place for ever, though the
// server has long given it up.
const stall = 5 * time.Minute

// lastWords is how long a client may keep talking to a server that has closed.
const lastWords = 2 * time.Second

// copyBoth copies between a student and a service until both have said all, then closes both. Who says nothing has no
// buffer: a peer has hundreds of connections for nothing.
func copyBoth(ctx context.Context, peer, service net.Conn, buffers *sync.Pool, stall time.Duration) {
	defer peer.Close()
	defer service.Close()
	defer context.AfterFunc(ctx, func() { peer.Close(); service.Close() })()
	done := make(chan struct{})
	go func() {
		defer close(done)
		copyOne(patient{service, stall}, peer, buffers)
		closeWrite(service)
	}()
	copyOne(patient{peer, stall}, service, buffers)
	closeWrite(peer)
	_ = peer.SetReadDeadline(time.Now().Add(lastWords)) // the server has closed: whoever keeps the other half open does not keep us
	<-done
}

// patient writes to a connection that takes each piece within a time.
type patient struct {
	conn net.Conn
	time time.Duration
}

func (p patient) Write(text []byte) (int, error) {
	if err := p.conn.SetWriteDeadline(time.Now().Add(p.time)); err != nil {
		return 0, err
	}
	return p.conn.Write(text)
}

// piece is how much is read at once. Who does not take what he is sent has that much for as long as he may stall.
const piece = 8 << 10

func newBuffers() *sync.Pool { return &sync.Pool{New: func() any { return new([piece]byte) }} }

// copyOne copies until either end is at its end.
func copyOne(to io.Writer, from net.Conn, buffers *sync.Pool) {
	conn, ok := from.(syscall.Conn)
	if !ok { // TLS: nobody can wait for it without having a buffer
		buffer := buffers.Get().(*[piece]byte)
		defer buffers.Put(buffer)
		_, _ = io.CopyBuffer(to, struct{ io.Reader }{from}, buffer[:])
		return
	}
	raw, err := conn.SyscallConn()
	for more := err == nil; more; {
		more = copyPiece(to, raw, buffers)
	}
}

// copyPiece waits for something to read without having a buffer meanwhile, and tells whether there may be more.
func copyPiece(to io.Writer, raw syscall.RawConn, buffers *sync.Pool) bool {
	var buffer *[piece]byte
	n := 0
	err := raw.Read(func(fd uintptr) bool {
		buffer = buffers.Get().(*[piece]byte)
		var err error
		for n, err = syscall.Read(int(fd), buffer[:]); errors.Is(err, syscall.EINTR); {
			n, err = syscall.Read(int(fd), buffer[:])
		}
		if errors.Is(err, syscall.EAGAIN) {
			buffers.Put(buffer)
			buffer = nil
			return false
		}
		return true
	})
	if buffer == nil {
		return false
	}
	defer buffers.Put(buffer)
	if err != nil || n <= 0 {
		return false
	}
	_, err = to.Write(buffer[:n])
	return err == nil
}
