package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"sync"
	"time"

	"maillab/internal/certificate"
	"maillab/internal/control"
	"maillab/internal/handoff"
)

// What is spoken at a mesh's port.
const (
	protocolControl = certificate.ControlProtocol
	protocolMesh    = "maillab-mesh"
	protocolCall    = "maillab-call"
)

// role is whose certificate a protocol wants of who dials.
func role(protocol string) string {
	switch protocol {
	case protocolControl:
		return certificate.ControllerRole
	case protocolMesh, protocolCall:
		return certificate.GatewayRole
	}
	return ""
}

// Handshakes that may go on at a time, from one address and from all that are no node's: what has no certificate costs little.
const (
	shakesEach  = 128
	shakesOther = 256
)

// rooms counts handshakes, by address; those of no node together under "".
type rooms struct {
	mu    sync.Mutex
	taken map[string]int
}

func (r *rooms) enter(who string, most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[who] >= most {
		return false
	}
	r.taken[who]++
	return true
}

func (r *rooms) leave(who string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[who]--; r.taken[who] == 0 {
		delete(r.taken, who)
	}
}

// Serve takes connections until the listener is closed, or the process ends.
func (m *Mesh) Serve(l net.Listener) {
	defer context.AfterFunc(m.ctx, func() { l.Close() })()
	config := m.cfg.TLS.Clone()
	config.NextProtos = []string{protocolControl, protocolMesh, protocolCall}
	controllers, gateways := m.serve(m.cfg.Local.Controlled()), m.serve(m.answers())
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			m.cfg.Log.Warn("accepting gateways", "err", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		at, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
		who := at.Addr().Unmap().String()
		room, leave := m.handshakes.admit(who, m.isNode(who))
		if !room {
			conn.Close()
			continue
		}
		go m.accept(tls.Server(conn, config), leave, controllers, gateways)
	}
}

// serve answers requests on connections that are queued.
func (m *Mesh) serve(handler http.Handler) *handoff.Queue {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	queue := handoff.NewQueue()
	server := &http.Server{Handler: handler, Protocols: protocols, HTTP2: http2(m.cfg.Lease), ErrorLog: slog.NewLogLogger(m.cfg.Log.Handler(), slog.LevelDebug)}
	context.AfterFunc(m.ctx, func() { server.Close(); queue.Close() })
	go func() { _ = server.Serve(queue) }() // it ends with the process
	return queue
}

// streams is how many requests may be under way between two gateways: a board follows every sandbox.
const streams = 4096

// http2 sees that a connection to a node that has gone ends.
func http2(lease time.Duration) *http.HTTP2Config {
	return &http.HTTP2Config{MaxConcurrentStreams: streams, MaxReceiveBufferPerConnection: 4<<20 - 1, MaxReceiveBufferPerStream: 256 << 10,
		SendPingTimeout: lease / 3, PingTimeout: lease / 3}
}

// admit finds room for a handshake with an address; node tells whether it is a node's.
func (r *rooms) admit(who string, node bool) (ok bool, leave func()) {
	if !r.enter(who, shakesEach) {
		return false, nil
	}
	if node {
		return true, func() { r.leave(who) }
	}
	if !r.enter("", shakesOther) {
		r.leave(who)
		return false, nil
	}
	return true, func() { r.leave(who); r.leave("") }
}

// isNode tells whether a node has an address.
func (m *Mesh) isNode(address string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if host, _, _ := net.SplitHostPort(p.Address); host == address {
			return true
		}
	}
	return false
}

// accept finds out who it is, and gives the connection to who serves that.
func (m *Mesh) accept(conn *tls.Conn, leave func(), controllers, gateways *handoff.Queue) {
	patient(conn.NetConn(), m.cfg.Lease)
	ctx, cancel := context.WithTimeout(m.ctx, certificate.Shake)
	err := conn.HandshakeContext(ctx)
	cancel()
	leave()
	state := conn.ConnectionState()
	protocol := state.NegotiatedProtocol
	if err == nil && (protocol == "" || certificate.Role(state) != role(protocol)) {
		err = fmt.Errorf("a %s may not speak %q", certificate.Role(state), protocol)
	}
	if err != nil {
		m.cfg.Log.Warn("refused at the mesh's port", "peer", conn.RemoteAddr(), "err", err)
		conn.Close()
		return
	}
	switch protocol {
	case protocolControl:
		controllers.Serve(m.ctx, conn)
	case protocolMesh:
		gateways.Serve(m.ctx, conn)
	case protocolCall:
		m.called(conn)
	}
}

// secure connects to a peer.
func (m *Mesh) secure(ctx context.Context, p *peer, protocol string) (*tls.Conn, error) {
	config := m.cfg.TLS.Clone()
	config.NextProtos, config.ClientSessionCache = []string{protocol}, p.tickets
	ctx, cancel := context.WithTimeout(ctx, certificate.Shake)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	tcp, err := m.cfg.Dial(ctx, "tcp", p.Address)
	if err != nil {
		return nil, err
	}
	patient(tcp, m.cfg.Lease)
	conn := tls.Client(tcp, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		tcp.Close()
		return nil, err
	}
	return conn, nil
}

// transport sends requests to nodes, by their IDs.
func (m *Mesh) transport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols: protocols, HTTP2: http2(m.cfg.Lease), DisableCompression: true, IdleConnTimeout: time.Minute,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			node, _, _ := net.SplitHostPort(address)
			m.mu.Lock()
			p := m.peers[node]
			m.mu.Unlock()
			if p == nil {
				return nil, fmt.Errorf("node %q is not in the picture", node)
			}
			return m.secure(ctx, p, protocolMesh)
		},
	}
}

type nodeKey struct{}

// passing passes requests on.
func (m *Mesh) passing() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", p.In.Context().Value(nodeKey{}).(string), p.In.Host
		},
		Transport:     m.passes,
		FlushInterval: -1, // logs and dialogues are watched live
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			control.WriteError(w, http.StatusBadGateway, fmt.Errorf("node %q, where it is: %w", r.Context().Value(nodeKey{}), err))
		},
	}
}

// Pass sends a request to a node, under the host that it has, and its answer back.
func (m *Mesh) Pass(w http.ResponseWriter, r *http.Request, node string) {
	m.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), nodeKey{}, node)))
}
