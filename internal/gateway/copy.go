package gateway

import (
	"context"
	"io"
	"net"
	"time"
)

// stall is how long one side may take nothing of what the other has said: the longest that RFC 5321 section 4.5.3.2 has
// anybody wait for a piece of a message. Without it, a client that stops reading keeps its place for ever, though the
// server has long given it up.
const stall = 5 * time.Minute

// lastWords is how long a client may keep talking to a server that has closed.
const lastWords = 2 * time.Second

// copyBoth copies between a student and a service until both have said all, then closes both.
func copyBoth(ctx context.Context, peer, service net.Conn, stall time.Duration) {
	defer peer.Close()
	defer service.Close()
	defer context.AfterFunc(ctx, func() { peer.Close(); service.Close() })()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(patient{service, stall}, peer)
		closeWrite(service)
	}()
	_, _ = io.Copy(patient{peer, stall}, service)
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

func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
