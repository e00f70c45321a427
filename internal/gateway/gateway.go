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
		control.WriteJSON(w, g.doors.inForce())
	})
	own.HandleFunc("PUT /v1/doors", g.putDoors)
	own.HandleFunc("GET /v1/probe", g.probe)
	own.HandleFunc("POST /v1/dial", g.dial)
	own.HandleFunc("POST /v1/codes", g.desk.code)
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
	if web := g.current.Web; web != nil && web.Token == token {
		return *web, true
	}
	for _, t := range g.current.Sandboxes {
		if t.Token == token {
			return t, true
		}
	}
	return control.Target{}, false
}

// Neighbour finds the server that a sandbox means by a domain or an address.
func (g *Gateway) Neighbour(asker control.Target, to string) (control.Target, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current.Neighbour(asker, to)
}

// Seat finds a sandbox.
func (g *Gateway) Seat(n int) (control.Target, bool) { return g.seat(n) }

// target finds a sandbox by its seat, or answers that there is none.
func (g *Gateway) target(w http.ResponseWriter, seat string) (control.Target, bool) {
	n, err := strconv.Atoi(seat)
	if err == nil {
		if t, ok := g.seat(n); ok {
			return t, true
		}
	}
	control.WriteError(w, http.StatusNotFound, fmt.Errorf("the gateway knows no sandbox with seat %q", seat))
	return control.Target{}, false
}

// seat finds a sandbox.
func (g *Gateway) seat(n int) (control.Target, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.current.Sandboxes {
		if t.Seat == n {
			return t, true
		}
	}
	return control.Target{}, false
}

// maxDoors bounds what is put, in bytes: a thousand seats' doors take a tenth of it.
const maxDoors = 4 << 20

func (g *Gateway) putDoors(w http.ResponseWriter, r *http.Request) {
	var d control.Doors
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDoors)).Decode(&d); err != nil {
		control.WriteError(w, http.StatusBadRequest, err)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.save(d); err != nil {
		control.WriteError(w, http.StatusInternalServerError, fmt.Errorf("keeping the doors: %w", err))
		return
	}
	g.current = d
	if err := g.doors.set(d); err != nil {
		control.WriteError(w, http.StatusConflict, err)
		return
	}
	control.WriteJSON(w, struct{}{})
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
