package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strconv"
	"time"

	"maillab/internal/control"
	"maillab/internal/proxyproto"
)

// dialPatience bounds a connection attempt to a sandbox: it is a bridge away, or gone.
const dialPatience = 3 * time.Second

// Network reaches sandboxes over TCP at their targets' addresses.
type Network struct {
	proxy *httputil.ReverseProxy
	log   *slog.Logger
	stall time.Duration // see patient
}

// NewNetwork makes one.
func NewNetwork(log *slog.Logger) *Network {
	dialer := &net.Dialer{Timeout: dialPatience}
	return &Network{log: log, stall: stall, proxy: &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			t := p.In.Context().Value(targetKey{}).(control.Target)
			p.Out.URL.Scheme, p.Out.URL.Host = "http", net.JoinHostPort(t.Address, strconv.Itoa(control.Port))
			p.Out.Header.Set("Authorization", "Bearer "+t.Token)
		},
		Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute},
		FlushInterval: -1, // logs and dialogues are watched live
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			control.WriteError(w, http.StatusBadGateway, fmt.Errorf("it does not answer control: %w", err))
		},
	}}
}

type targetKey struct{}

// Control passes the request on with the sandbox's token.
func (n *Network) Control(t control.Target) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), targetKey{}, t)))
	})
}

// Dial connects to a service and says who is there, where the service understands it.
func (n *Network) Dial(ctx context.Context, t control.Target, service string, h proxyproto.Header) (net.Conn, error) {
	port, proxied := map[string]int{
		"ssh": control.PortSSH, "smtp": control.PortSMTP, "pop3": control.PortPOP3, "imap": control.PortIMAP,
	}[service], service != "ssh"
	if port == 0 {
		return nil, fmt.Errorf("no service is called %q", service)
	}
	dialer := net.Dialer{Timeout: dialPatience}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(t.Address, strconv.Itoa(port)))
	if err != nil || !proxied {
		return conn, err
	}
	if _, err := conn.Write(h.Append(nil)); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Serve relays a student's connection until both sides have said all.
func (n *Network) Serve(ctx context.Context, t control.Target, service string, peer net.Conn) {
	defer peer.Close()
	from, to := proxyproto.AddrPort(peer.RemoteAddr()), proxyproto.AddrPort(peer.LocalAddr())
	if !from.IsValid() {
		from = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	conn, err := n.Dial(ctx, t, service, proxyproto.Header{From: from, To: to})
	if err != nil {
		n.log.Warn("a student's connection", "seat", t.Seat, "service", service, "err", err)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { peer.Close(); conn.Close() })()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(patient{conn, n.stall}, peer)
		closeWrite(conn)
	}()
	_, _ = io.Copy(patient{peer, n.stall}, conn)
	closeWrite(peer)
	peer.SetReadDeadline(time.Now().Add(lastWords)) // the server has closed: whoever keeps the other half open does not keep us
	<-done
}

// stall is how long one side may take nothing of what the other has said: the longest that RFC 5321 section 4.5.3.2 has
// anybody wait for a piece of a message. Without it, a client that stops reading keeps its place for ever, though the
// server has long given it up.
const stall = 5 * time.Minute

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

// lastWords is how long a client may keep talking to a server that has closed.
const lastWords = 2 * time.Second

func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
