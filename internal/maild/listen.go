package maild

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"maillab/internal/proxyproto"
)

// headerPatience bounds how long the gateway may take to say who is there.
const headerPatience = 5 * time.Second

// Listen accepts connections of a service until the listener is closed. With proxied each begins with a PROXY protocol
// header: the listener is one that only the gateway reaches.
func (d *Daemon) Listen(ctx context.Context, listener net.Listener, service string, proxied bool) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // most likely out of descriptors: let some go
			d.cfg.Log.Warn("accepting", "service", service, "err", err)
			if !pause(ctx, 50*time.Millisecond) {
				return nil
			}
			continue
		}
		wg.Go(func() {
			if proxied {
				d.serveProxied(ctx, service, conn)
			} else {
				d.Serve(ctx, service, conn)
			}
		})
	}
}

// serveProxied reads the gateway's header and serves the connection as its real peer's.
func (d *Daemon) serveProxied(ctx context.Context, service string, conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(headerPatience))
	header, err := proxyproto.Read(conn)
	if err != nil {
		d.cfg.Log.Warn("a connection from the gateway", "service", service, "err", err)
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if header.Local {
		d.Probe(service, conn)
		return
	}
	d.Serve(ctx, service, &relayed{Conn: conn, from: net.TCPAddrFromAddrPort(header.From), to: net.TCPAddrFromAddrPort(header.To)})
}

// relayed is a connection through the gateway under its real addresses.
type relayed struct {
	net.Conn
	from, to net.Addr
}

func (r *relayed) RemoteAddr() net.Addr { return r.from }
func (r *relayed) LocalAddr() net.Addr  { return r.to }

// CloseWrite is needed by who shuts down one direction.
func (r *relayed) CloseWrite() error {
	if half, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return r.Conn.Close()
}

// Probe answers the gateway's own dial with one line; nothing of it is logged or recorded.
func (d *Daemon) Probe(service string, conn net.Conn) {
	defer conn.Close()
	if d.serving(service) {
		_, _ = io.WriteString(conn, service+" is served\r\n") // the prober sees that it does not come
	}
}

// Serve serves one connection of a service and closes it. Over the limits it says so in the protocol's words.
func (d *Daemon) Serve(ctx context.Context, service string, conn net.Conn) {
	serve := d.services[service]
	if serve == nil {
		conn.Close()
		return
	}
	who := d.counted(conn)
	leave, ok := d.crowd.enter(service, who)
	if !ok {
		d.turnAway(service, conn)
		return
	}
	defer leave()
	ctx = who.in(ctx)
	if service != "smtp" {
		inner, gone := d.sessions.enter(ctx, conn)
		defer gone()
		ctx = inner
	}
	serve(ctx, conn)
}

// turnAway is what each protocol says when there are too many.
func (d *Daemon) turnAway(service string, conn net.Conn) {
	defer conn.Close()
	words := map[string]string{
		"smtp": "421 4.7.0 " + d.cfg.Spec.Hostname + " Error: too many connections\r\n",
		"pop3": "-ERR [SYS/TEMP] Too many connections.\r\n",
		"imap": "* BYE Too many connections.\r\n",
	}
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(conn, words[service])
}

// pause waits and tells whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
