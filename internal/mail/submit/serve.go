package submit

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// uidKey is where a request's context has its caller.
type uidKey struct{}

// PeerUID is who made a request that Serve took, for other handlers on the same socket.
func PeerUID(ctx context.Context) (uid int, ok bool) {
	uid, ok = ctx.Value(uidKey{}).(int)
	return uid, ok
}

const (
	headerPatience = 10 * time.Second
	idlePatience   = 30 * time.Second
	// connectionsEach bounds the open connections of one uid, so that no student takes the daemon's descriptors.
	connectionsEach = 32
)

// Serve answers requests on a Unix socket until ctx ends, and returns after all of them have ended.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerPatience,
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if k, ok := c.(*knownConn); ok {
				return context.WithValue(ctx, uidKey{}, k.uid)
			}
			return ctx
		},
	}
	known := &knownListener{Listener: l, open: make(map[int]int)}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(known)
	known.conns.Wait()
	if errors.Is(err, http.ErrServerClosed) && ctx.Err() != nil {
		return nil
	}
	return err
}

// knownListener finds out who connects and bounds how often.
type knownListener struct {
	net.Listener
	conns sync.WaitGroup

	mu   sync.Mutex
	open map[int]int
}

func (l *knownListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, err := peerUID(c)
		if err != nil || !l.enter(uid) {
			_ = c.Close()
			continue
		}
		return &knownConn{Conn: c, uid: uid, leave: sync.OnceFunc(func() { l.leave(uid) })}, nil
	}
}

func (l *knownListener) enter(uid int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[uid] >= connectionsEach {
		return false
	}
	l.open[uid]++
	l.conns.Add(1)
	return true
}

func (l *knownListener) leave(uid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[uid]--; l.open[uid] == 0 {
		delete(l.open, uid)
	}
	l.conns.Done()
}

// knownConn is a connection whose caller is known.
type knownConn struct {
	net.Conn
	uid   int
	leave func()
}

func (c *knownConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
