package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
	"maillab/internal/mesh"
)

// Join makes a gateway one of a mesh: it comes before Load, and before anything is served. What cfg lacks in Local is this.
func (g *Gateway) Join(ctx context.Context, cfg mesh.Config) (*mesh.Mesh, error) {
	cfg.Local = meshed{g, make(chan struct{}, total)}
	m, err := mesh.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	all := across{here: g.sandboxes, mesh: m, buffers: newBuffers(), gateway: g}
	g.mesh, g.sandboxes, g.doors.sandboxes = m, all, all
	return m, nil
}

// across is the sandboxes of all nodes: this one's, as long as it serves them, and the others' through the gateway that is there.
type across struct {
	here    Sandboxes
	mesh    *mesh.Mesh
	buffers *sync.Pool
	gateway *Gateway
}

// Control implements Sandboxes.
func (a across) Control(t control.Target) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.mesh.Here(t) {
			a.mesh.Pass(w, r, t.Node)
			return
		}
		term, err := a.mesh.Term(t)
		if err != nil {
			control.WriteError(w, http.StatusServiceUnavailable, err)
			return
		}
		ctx, cancel := within(r.Context(), term)
		defer cancel()
		a.here.Control(t).ServeHTTP(w, r.WithContext(ctx))
	})
}

// Dial implements Sandboxes.
func (a across) Dial(ctx context.Context, t control.Target, o handoff.Offer) (net.Conn, error) {
	if t.Closed {
		return nil, fmt.Errorf("%s is being moved, and lets nobody in", t.Name())
	}
	if !a.mesh.Here(t) {
		return a.far(ctx, t, mesh.Call{Seat: t.Seat, Offer: o})
	}
	term, err := a.mesh.Term(t)
	if err != nil {
		return nil, err
	}
	conn, err := a.here.Dial(ctx, t, o)
	if err != nil {
		return nil, err
	}
	return &leased{conn, context.AfterFunc(term, func() { conn.Close() })}, nil
}

// Serve implements Sandboxes.
func (a across) Serve(ctx context.Context, t control.Target, service string, conn net.Conn) {
	if a.mesh.Here(t) {
		a.serve(ctx, t, service, conn)
		return
	}
	far, err := a.far(ctx, t, mesh.Call{Seat: t.Seat, Door: true, Offer: handoff.Offer{Service: service, Peer: mail.PeerOf(conn)}})
	if err != nil {
		a.gateway.log.Warn("a student's connection", "seat", t.Seat, "service", service, "err", err)
		conn.Close()
		return
	}
	copyBoth(ctx, conn, far, a.buffers, stall)
}

func (a across) serve(ctx context.Context, t control.Target, service string, conn net.Conn) {
	term, err := a.mesh.Await(ctx, t, comesBack)
	if err != nil {
		a.gateway.log.Warn("a student's connection", "seat", t.Seat, "service", service, "err", err)
		conn.Close()
		return
	}
	ctx, cancel := within(ctx, term)
	defer cancel()
	a.here.Serve(ctx, t, service, conn)
}

func (a across) far(ctx context.Context, t control.Target, c mesh.Call) (net.Conn, error) {
	if t.Node == "" {
		return nil, fmt.Errorf("%s has not been placed on a node yet", t.Name())
	}
	return a.mesh.Dial(ctx, t, c)
}

// leased is a connection that ends with a term.
type leased struct {
	net.Conn
	stop func() bool
}

func (l *leased) Close() error {
	l.stop()
	return l.Conn.Close()
}

// CloseWrite ends one direction.
func (l *leased) CloseWrite() error {
	closeWrite(l.Conn)
	return nil
}

// within is a context that ends with either of two.
func within(ctx, term context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(term, cancel)
	return ctx, func() { stop(); cancel() }
}

// meshed is what a gateway is to the mesh that it is in.
type meshed struct {
	*Gateway
	room chan struct{} // for connections that are asked for, not let in at a door
}

// Take implements mesh.Local. A picture that is not newer than what is there is none of interest.
func (g meshed) Take(d control.Doors) error {
	if d.Mesh == nil || d.Mesh.Taken == nil {
		return errors.New("a picture of no mesh")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.mesh.Newer(d) {
		return nil
	}
	if err := g.put(d); err != nil {
		return err
	}
	if err := g.doors.set(d); err != nil {
		g.log.Warn("not every door opens; trying again", "err", err)
	}
	return nil
}

// Shut implements mesh.Local.
func (g meshed) Shut() []string { return g.doors.shut() }

// Controlled implements mesh.Local.
func (g meshed) Controlled() http.Handler { return g.Handler() }

// Passed implements mesh.Local.
func (g meshed) Passed() http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("POST /v1/codes", g.desk.code)
	kept := func(w http.ResponseWriter, r *http.Request) {
		if node := r.PathValue("node"); g.depot == nil || node != g.mesh.Node() {
			control.WriteError(w, http.StatusMisdirectedRequest, fmt.Errorf("node %q keeps no copies here", node))
			return
		}
		g.depot.ServeHTTP(w, r)
	}
	own.HandleFunc(depotPath, kept)
	own.HandleFunc(copyPath, kept)
	return g.bySeat(own, func(w http.ResponseWriter, r *http.Request, seat string) {
		t, ok := g.target(w, seat)
		if ok && !g.mesh.Here(t) {
			control.WriteError(w, http.StatusMisdirectedRequest, fmt.Errorf("%s is not on node %q", t.Name(), g.mesh.Node()))
		} else if ok {
			g.sandboxes.Control(t).ServeHTTP(w, r)
		}
	})
}

// Offered implements mesh.Local: what came in at a door of another node is let in as at ours, and of what is asked for only what
// a gateway asks for.
func (g meshed) Offered(ctx context.Context, c mesh.Call, in *mesh.Incoming) {
	t, ok := g.seat(c.Seat)
	service := c.Offer.Service
	var err error
	switch {
	case !ok || !g.mesh.Here(t):
		err = fmt.Errorf("seat %d is not on node %q", c.Seat, g.mesh.Node())
	case c.Door && !t.Serves(service), !c.Door && t.Seat == control.WebSeat,
		service == handoff.Control, service == handoff.Desk:
		err = fmt.Errorf("%q of %s is not passed on", service, t.Name())
	}
	if err != nil {
		_ = in.Answer(err)
		in.Close()
		return
	}
	conn := &handoff.Conn{Conn: in.Conn, Offer: c.Offer}
	if c.Door {
		if in.Answer(nil) == nil {
			g.doors.passed(t, service, conn)
		} else {
			in.Close()
		}
		return
	}
	g.connect(ctx, t, c.Offer, in)
}

// connect passes on what is asked for.
func (g meshed) connect(ctx context.Context, t control.Target, o handoff.Offer, in *mesh.Incoming) {
	select {
	case g.room <- struct{}{}:
		defer func() { <-g.room }()
	default:
		_ = in.Answer(errors.New("too many connections at once"))
		in.Close()
		return
	}
	conn, err := g.sandboxes.Dial(ctx, t, o)
	if told := in.Answer(err); err != nil || told != nil {
		in.Close()
		if err == nil {
			conn.Close()
		}
		return
	}
	copyBoth(ctx, in.Conn, conn, g.sandboxes.(across).buffers, stall)
}
