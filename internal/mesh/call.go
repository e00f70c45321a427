package mesh

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"maillab/internal/control"
	"maillab/internal/handoff"
)

// Call says what the connection is that a gateway passes to another.
type Call struct {
	Seat int `json:"seat"` // control.WebSeat for the page
	// Door: somebody came in at a door of the calling node. Else it is asked for by a page, a neighbour or the controller.
	Door  bool          `json:"door,omitempty"`
	Offer handoff.Offer `json:"offer"`
}

// refusal is an answer to a Call, with "" for none.
type refusal struct {
	Text string `json:"error,omitempty"`
}

func (r *refusal) Error() string { return r.Text }

// write writes a value after its length.
func write(to io.Writer, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if len(text) > handoff.MaxPacket {
		return fmt.Errorf("%d octets, the limit is %d", len(text), handoff.MaxPacket)
	}
	_, err = to.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
	return err
}

// read reads what write wrote, strictly, and no octet more.
func read(from io.Reader, into any) error {
	var length [2]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint16(length[:])
	if n > handoff.MaxPacket {
		return fmt.Errorf("%d octets, the limit is %d", n, handoff.MaxPacket)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(from, text); err != nil {
		return err
	}
	return handoff.Parse(text, into)
}

// Patience is how long a connection waits for a peer that is away: one that was started anew is back within a second.
const Patience = 3 * time.Second

// Dial passes a connection to the node of a sandbox: what is said on it is what the sandbox says. It ends when that moves.
func (m *Mesh) Dial(ctx context.Context, t control.Target, c Call) (net.Conn, error) {
	conn, err := m.dial(ctx, t.Node, c)
	if err != nil {
		return nil, err
	}
	p := &passed{conn, t, m}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.stands(t) {
		_ = conn.Close()
		return nil, fmt.Errorf("%s has moved", t.Name())
	}
	m.passed[p] = true
	return p, nil
}

// stands tells whether a sandbox is still where it was. The lock is held.
func (m *Mesh) stands(t control.Target) bool {
	_, there := m.picture.Find(func(now control.Target) bool {
		return now.Seat == t.Seat && now.Node == t.Node && now.Incarnation == t.Incarnation
	})
	return there
}

// passed is a connection to a sandbox on another node.
type passed struct {
	*tls.Conn
	to   control.Target
	mesh *Mesh
}

func (p *passed) Close() error {
	p.mesh.mu.Lock()
	delete(p.mesh.passed, p)
	p.mesh.mu.Unlock()
	return p.Conn.Close()
}

// part ends the connections to where sandboxes are not any more. The lock is held.
func (m *Mesh) part() {
	for p := range m.passed {
		if !m.stands(p.to) {
			delete(m.passed, p)
			_ = p.NetConn().Close() // not the TLS's: nobody may be there to take its last word
		}
	}
}

func (m *Mesh) dial(ctx context.Context, node string, c Call) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		m.mu.Lock()
		p := m.peers[node]
		var answered chan struct{}
		if p != nil {
			answered = p.answered
		}
		m.mu.Unlock()
		if p == nil {
			return nil, fmt.Errorf("node %q is not in the picture", node)
		}
		conn, err := m.call(ctx, p, c)
		var refused *refusal
		if err == nil || errors.As(err, &refused) {
			return conn, err
		}
		p.nudge()
		select {
		case <-answered:
		case <-p.ctx.Done():
			return nil, err
		case <-ctx.Done():
			return nil, fmt.Errorf("node %q: %w", node, err)
		}
	}
}

// call passes a connection, if the peer is there.
func (m *Mesh) call(ctx context.Context, p *peer, c Call) (*tls.Conn, error) {
	conn, err := m.secure(ctx, p, protocolCall)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	var answer refusal
	if err = write(conn, c); err == nil {
		err = read(conn, &answer)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil && answer.Text != "" {
		err = &answer
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Incoming is a connection that a peer passes on, before it is answered.
type Incoming struct{ net.Conn }

// Answer takes it, or says why not.
func (in *Incoming) Answer(why error) error {
	_ = in.SetWriteDeadline(time.Now().Add(Patience))
	defer in.SetWriteDeadline(time.Time{})
	if why != nil {
		return write(in.Conn, refusal{why.Error()})
	}
	return write(in.Conn, refusal{})
}

// called reads what is passed on.
func (m *Mesh) called(conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(Patience))
	var c Call
	if err := read(conn, &c); err != nil {
		m.cfg.Log.Warn("a connection that is passed on", "peer", conn.RemoteAddr(), "err", err)
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	m.cfg.Local.Offered(m.ctx, c, &Incoming{conn})
}
