// Package mesh makes the gateways of an instance on many machines one door. Each opens every door; a connection that came in at
// one node is passed to the gateway of the node that has the sandbox, with its peer's address. What all of them know is one
// picture, a control.Doors with its Mesh: the controller puts it to any of them, and the newest spreads. And each holds a
// lease: a gateway that does not hear a majority of the others serves no sandbox, so that one that is alive but cut off
// does not go on with a seat that has been placed elsewhere meanwhile (docs/decisions/0105).
//
// # The wire
//
// One TCP port a node, TLS 1.3, both sides with a certificate whose name is their role (certificate.GatewayRole,
// certificate.ControllerRole). Application protocols (RFC 7301):
//
//	maillab-control  for controllers: what package control says, as over `gateway stream`
//	maillab-mesh     for gateways, HTTP/2 in the clear within the TLS:
//	                 POST /v1/beat       a beat, answered by the other's: see beat
//	                 GET  /v1/picture    the picture that the other has
//	                 PUT  /v1/picture    the picture that the other lacks, answered as a beat
//	                 seat-N/…            control of a sandbox that is there, and there only
//	                 POST /v1/codes      of the node that has the class's page
//	maillab-call     for gateways: one connection. The calling one says a Call, is answered, and both pass on what is said.
//
// A Call and its answer {"error":"…"} are JSON, each after its length in two octets, big endian, at most handoff.MaxPacket.
package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/safeio"
)

// How often gateways hear each other, and how long what was heard counts: a cut of nine seconds ends no connection.
const (
	Beat  = time.Second
	Lease = 10 * time.Second
)

// Config says who a node is. Everything is needed but Seen and Dial.
type Config struct {
	Node  string      // its ID
	TLS   *tls.Config // as certificate.Credentials.Peer makes it
	Local Local
	Log   *slog.Logger

	// Seen is a file that outlives the gateway: a Stamp of the newest picture that it has heard of, below which it never goes.
	Seen string

	// Dial connects to other nodes; nil is over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is a clock of its own, which goes on while the machine sleeps.
	Now         func() time.Duration
	Beat, Lease time.Duration
}

// Local is the gateway of this node.
type Local interface {
	// Take puts a picture in force that a peer has, unless there is a newer one. It calls Set.
	Take(d control.Doors) error
	// Shut are the listening addresses of doors that are wanted and do not open here.
	Shut() []string
	// Offered serves a connection that a peer passes on. It owns it.
	Offered(ctx context.Context, c Call, in *Incoming)
	// Passed answers what a peer passes on, and only from what is on this node.
	Passed() http.Handler
	// Controlled answers a controller.
	Controlled() http.Handler
}

// Mesh is one node's part of it. Make it with New.
type Mesh struct {
	cfg    Config
	ctx    context.Context // of the process
	proxy  http.Handler
	beats  *http.Transport
	passes *http.Transport // apart: what is long does not keep a beat waiting

	mu      sync.Mutex
	picture control.Doors // without Mesh: none yet
	seen    Stamp         // of the newest picture heard of
	peers   map[string]*peer
	until   time.Duration // the lease ends, on the mesh's clock
	settled bool          // a majority has the picture that is in force here
	serving bool
	why     error // it is not serving
	held    map[holding]*tenure
	passed  map[*passed]bool
	changed chan struct{} // closed when anything of this changes

	handshakes rooms
}

// New makes a mesh that knows nobody. Its loops end with ctx.
func New(ctx context.Context, cfg Config) (*Mesh, error) {
	m := &Mesh{cfg: cfg, ctx: ctx, peers: map[string]*peer{}, held: map[holding]*tenure{}, passed: map[*passed]bool{}, changed: make(chan struct{}),
		why: errNoPicture, handshakes: rooms{taken: map[string]int{}}}
	if cfg.Dial == nil {
		m.cfg.Dial = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	}
	if cfg.Seen != "" {
		if err := safeio.ReadJSON(cfg.Seen, &m.seen); err != nil {
			return nil, err
		}
	}
	m.beats, m.passes = m.transport(), m.transport()
	m.proxy = m.passing()
	go m.watch()
	return m, nil
}

// Node is this node's ID.
func (m *Mesh) Node() string { return m.cfg.Node }

// Here tells whether a sandbox is on this node.
func (m *Mesh) Here(t control.Target) bool { return t.Node == m.cfg.Node }

// Set puts a picture in force. A gateway calls it under the lock under which it keeps the picture.
func (m *Mesh) Set(d control.Doors) error {
	if d.Mesh == nil {
		return errors.New("doors without a mesh")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	stamp := stampOf(d)
	if m.cfg.Seen != "" && stamp != m.seen {
		if err := safeio.WriteJSON(m.cfg.Seen, stamp); err != nil {
			return fmt.Errorf("keeping which picture it is: %w", err)
		}
	}
	m.picture, m.seen = d, stamp
	m.meet(d.Mesh.Nodes)
	m.part()
	m.update()
	for _, p := range m.peers {
		p.nudge()
	}
	return nil
}

// Newer tells whether a picture may take the place of what this node has.
func (m *Mesh) Newer(d control.Doors) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	stamp := stampOf(d)
	return !m.seen.newer(stamp) && stamp != stampOf(m.picture)
}

// meet begins to hear nodes that are new, and stops with those that are not among them. The lock is held.
func (m *Mesh) meet(nodes []control.Node) {
	for id, p := range m.peers {
		p.voted = false // for a picture that was another
		if !slices.Contains(nodes, p.Node) {
			p.stop()
			delete(m.peers, id)
		}
	}
	for _, n := range nodes {
		if n.ID != m.cfg.Node && m.peers[n.ID] == nil {
			p := m.newPeer(n)
			m.peers[n.ID] = p
			go m.hear(p)
		}
	}
}

// watch sees that leases end.
func (m *Mesh) watch() {
	tick := time.NewTicker(m.cfg.Beat / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.mu.Lock()
			m.update()
			m.mu.Unlock()
		case <-m.ctx.Done():
			m.beats.CloseIdleConnections()
			m.passes.CloseIdleConnections()
			return
		}
	}
}

// tell wakes who waits for a change. The lock is held.
func (m *Mesh) tell() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// State is what this node knows of all.
func (m *Mesh) State() control.MeshState {
	shut := m.cfg.Local.Shut()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := control.MeshState{Node: m.cfg.Node, Version: m.seen.Version, Serving: m.serving, Nodes: []control.NodeState{}}
	if m.why != nil {
		s.Problem = m.why.Error()
	}
	if m.picture.Mesh == nil {
		return s
	}
	if m.serving {
		s.Lease = m.until - m.cfg.Now()
	}
	for _, n := range m.picture.Mesh.Nodes {
		if p := m.peers[n.ID]; p != nil {
			s.Nodes = append(s.Nodes, p.state())
		} else {
			s.Nodes = append(s.Nodes, control.NodeState{Node: n, Heard: true, Version: m.seen.Version, Serving: m.serving, Shut: shut})
		}
	}
	return s
}

// Shut are the doors that do not open on nodes that are heard.
func (m *Mesh) Shut() map[string]bool {
	shut := map[string]bool{}
	for _, n := range m.State().Nodes {
		for _, at := range n.Shut {
			shut[at] = shut[at] || n.Heard
		}
	}
	return shut
}

// keepAlive ends a connection to a node that has gone.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}
