// Package gateway is an instance's one door. It listens where students connect, hands their sandbox one end of a socket pair
// for each connection, and copies between the other end and the student; and it serves the control stream of package
// control: its own requests, and everybody else's passed on to the sandbox that they name. Sandboxes have no network: each
// registers at the gateway's Unix socket with its token, and stays (Registry).
//
// What it knows is one control.Doors value, which the controller puts there. It is kept as JSON in a file, written aside
// and renamed, so that after a reboot the doors are open again before any controller has run.
//
// A flood at one door costs its neighbours nothing that they notice: of each door, and of each peer at a door, so many
// connections a second are let in and so many at a time, and one too many is closed where it was accepted (crowd).
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mesh"
	"maillab/internal/safeio"
)

// Sandboxes is how a gateway reaches what stands behind it.
type Sandboxes interface {
	// Control answers a request for a sandbox's control.
	Control(t control.Target) http.Handler
	// Dial connects to a service: for a browser whose address the offer has, or as a probe or a teacher's SSH, of which nothing
	// is recorded.
	Dial(ctx context.Context, t control.Target, o handoff.Offer) (net.Conn, error)
	// Serve takes a student's connection over and closes it in the end.
	Serve(ctx context.Context, t control.Target, service string, conn net.Conn)
}

// Gateway is one instance's door. Make it with New.
type Gateway struct {
	sandboxes Sandboxes
	file      string
	log       *slog.Logger
	doors     *doors
	desk      *desk
	mesh      *mesh.Mesh   // nil: this gateway is the only one
	depot     http.Handler // keeps copies of what is on other nodes; nil: there are none

	mu      sync.Mutex
	current control.Doors
}

// New makes a gateway that keeps its doors in file ("" keeps them nowhere). ctx bounds the connections it hands on.
func New(ctx context.Context, s Sandboxes, file string, log *slog.Logger) *Gateway {
	g := &Gateway{sandboxes: s, file: file, log: log, doors: newDoors(ctx, s, log)}
	g.desk = newDesk(ctx, g)
	return g
}

// Load opens the doors that the file remembers. Doors that cannot be opened now are tried again until they can.
func (g *Gateway) Load() error {
	text, err := os.ReadFile(g.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var d control.Doors
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("%s: %w", g.file, err)
	}
	if g.mesh != nil {
		return g.recall(d)
	}
	g.Open(d)
	return nil
}

// recall opens the doors of a picture that is remembered, if none that is newer was heard of.
func (g *Gateway) recall(d control.Doors) error {
	if !g.mesh.Newer(d) {
		return nil // it is told by a peer
	}
	if err := g.mesh.Set(d); err != nil {
		return err
	}
	g.Open(d)
	return nil
}

// Open opens doors that are remembered nowhere.
func (g *Gateway) Open(d control.Doors) {
	g.mu.Lock()
	g.current = d
	g.mu.Unlock()
	if err := g.doors.set(d); err != nil {
		g.log.Warn("not every door opens; trying again", "err", err)
	}
}

// Close closes every door; connections that went through stay until the context of New ends.
func (g *Gateway) Close() { g.doors.close() }

// Handler serves the control stream.
func (g *Gateway) Handler() http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET /v1/doors", func(w http.ResponseWriter, _ *http.Request) {
		control.WriteJSON(w, g.inForce())
	})
	own.HandleFunc("PUT /v1/doors", g.putDoors)
	own.HandleFunc("GET /v1/probe", g.probe)
	own.HandleFunc("POST /v1/dial", g.dial)
	own.HandleFunc("POST /v1/codes", g.code)
	own.HandleFunc("GET /v1/mesh", g.state)
	own.HandleFunc(depotPath, g.kept)
	own.HandleFunc(copyPath, g.kept)
	return g.bySeat(own, g.control)
}

// bySeat serves requests for the gateway itself, and those for a sandbox.
func (g *Gateway) bySeat(own http.Handler, of func(w http.ResponseWriter, r *http.Request, seat string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seat, isSeat := strings.CutPrefix(r.Host, "seat-"); isSeat {
			of(w, r, seat)
		} else {
			own.ServeHTTP(w, r)
		}
	})
}

// control passes a request on to a sandbox.
func (g *Gateway) control(w http.ResponseWriter, r *http.Request, seat string) {
	if t, ok := g.target(w, seat); ok {
		g.sandboxes.Control(t).ServeHTTP(w, r)
	}
}

// Holder finds the sandbox, or the page, that a token belongs to.
func (g *Gateway) Holder(token string) (control.Target, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current.Find(func(t control.Target) bool { return t.Token == token })
}

// Admit tells whether what registers may, and until when: ctx, or sooner.
func (g *Gateway) Admit(ctx context.Context, t control.Target, incarnation int) (context.Context, error) {
	if g.mesh == nil {
		return ctx, nil
	}
	switch {
	case incarnation < t.Incarnation:
		return nil, fmt.Errorf("%s has been placed anew since: this is incarnation %d, the one in force is %d", t.Name(), incarnation, t.Incarnation)
	case incarnation > t.Incarnation:
		return nil, fmt.Errorf("%s is placed anew, which this gateway has not been told yet: this is incarnation %d, and it knows %d", t.Name(), incarnation, t.Incarnation)
	}
	return g.mesh.Term(t)
}

// Dial connects to a service of a sandbox.
func (g *Gateway) Dial(ctx context.Context, t control.Target, o handoff.Offer) (net.Conn, error) {
	return g.sandboxes.Dial(ctx, t, o)
}

// Neighbour finds the server that a sandbox means by a domain or an address.
func (g *Gateway) Neighbour(asker control.Target, to string) (control.Target, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current.Neighbour(asker, to)
}

// Filter is the class's SpamAssassin.
func (g *Gateway) Filter() (control.Target, bool) { return g.seat(control.FilterSeat) }

// Seat finds a sandbox.
func (g *Gateway) Seat(n int) (control.Target, bool) { return g.seat(n) }

// target finds a sandbox by its seat, or answers that there is none.
func (g *Gateway) target(w http.ResponseWriter, seat string) (control.Target, bool) {
	if n, err := strconv.Atoi(seat); err == nil && n >= 0 {
		if t, ok := g.seat(n); ok {
			return t, true
		}
	}
	control.WriteError(w, http.StatusNotFound, fmt.Errorf("the gateway knows no sandbox with seat %q", seat))
	return control.Target{}, false
}

// seat finds a sandbox, or the page by control.WebSeat, or the filter.
func (g *Gateway) seat(n int) (control.Target, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current.Find(func(t control.Target) bool { return t.Seat == n })
}

// maxDoors bounds what is put, in bytes: a thousand seats' doors take a tenth of it.
const maxDoors = 4 << 20

func (g *Gateway) putDoors(w http.ResponseWriter, r *http.Request) {
	var d control.Doors
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDoors)).Decode(&d); err != nil {
		control.WriteError(w, http.StatusBadRequest, err)
		return
	}
	if g.mesh != nil {
		g.mesh.Settle(r.Context(), d)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	d, err := g.propose(d)
	if err == nil {
		if err := g.put(d); err != nil {
			control.WriteError(w, http.StatusInternalServerError, fmt.Errorf("keeping the doors: %w", err))
			return
		}
		err = g.doors.set(d)
	}
	if err != nil {
		control.WriteError(w, http.StatusConflict, err)
		return
	}
	control.WriteJSON(w, struct{}{})
}

// propose completes doors that are put, or says why they are not taken.
func (g *Gateway) propose(d control.Doors) (control.Doors, error) {
	switch {
	case g.mesh != nil:
		return g.mesh.Propose(d)
	case d.Mesh != nil:
		return d, errors.New("this gateway is not one of several: it was started without a node, a port and certificates")
	}
	return d, nil
}

// put puts doors in force that are to be opened then; where that fails, those that were stay so. The lock is held.
func (g *Gateway) put(d control.Doors) error {
	if err := g.save(d); err != nil {
		return err
	}
	if g.mesh != nil {
		if err := g.mesh.Set(d); err != nil {
			return errors.Join(err, g.save(g.current))
		}
	}
	g.current = d
	return nil
}

// inForce are the doors that are open, on every node that is heard.
func (g *Gateway) inForce() control.Doors {
	if g.mesh == nil {
		return g.doors.inForce(nil)
	}
	return g.doors.inForce(g.mesh.Shut())
}

// state tells of the other gateways.
func (g *Gateway) state(w http.ResponseWriter, _ *http.Request) {
	if g.mesh == nil {
		control.WriteError(w, http.StatusNotFound, errors.New("this gateway is the only one"))
		return
	}
	control.WriteJSON(w, g.mesh.State())
}

// What is asked of a node's copies, and of one of them (package depot).
const (
	depotPath = "/v1/depot/{node}"
	copyPath  = "/v1/depot/{node}/{seat}/{id}"
)

// Keep has a gateway keep copies: depot answers for those that are on this node. It comes before anything is served.
func (g *Gateway) Keep(depot http.Handler) { g.depot = depot }

// kept answers what is asked about copies, on the node where they are.
func (g *Gateway) kept(w http.ResponseWriter, r *http.Request) {
	switch node := r.PathValue("node"); {
	case g.mesh == nil || g.depot == nil:
		control.WriteError(w, http.StatusNotFound, errors.New("this gateway is the only one"))
	case node != g.mesh.Node():
		g.mesh.Pass(w, r, node)
	default:
		g.depot.ServeHTTP(w, r)
	}
}

// code has the code made where the page is.
func (g *Gateway) code(w http.ResponseWriter, r *http.Request) {
	if t, ok := g.seat(control.WebSeat); ok && g.mesh != nil && !g.mesh.Here(t) {
		g.mesh.Pass(w, r, t.Node)
		return
	}
	g.desk.code(w, r)
}

func (g *Gateway) save(d control.Doors) error {
	if g.file == "" {
		return nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return safeio.WriteFile(g.file, text, 0o600, safeio.Whole)
}
