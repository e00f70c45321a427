package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/handoff"
)

// desk is what the class's page may ask of the gateway. The page is trusted with nothing: what a student may is checked by
// the student's own sandbox, against the password; what a teacher may, here. It cannot ask for control.
type desk struct {
	g     *Gateway
	queue *handoff.Queue

	mu    sync.Mutex
	codes map[string]time.Time // when they lapse
	roles map[string]time.Time
}

// How long a code waits for its browser, and how long a role lasts.
const (
	codeLife = 15 * time.Minute
	roleLife = 12 * time.Hour
)

// newDesk makes one that serves until ctx ends.
func newDesk(ctx context.Context, g *Gateway) *desk {
	d := &desk{g: g, queue: handoff.NewQueue(), codes: map[string]time.Time{}, roles: map[string]time.Time{}}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: d.handler(), Protocols: protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams}}
	context.AfterFunc(ctx, func() { server.Close(); d.queue.Close() })
	go func() { _ = server.Serve(d.queue) }() // it ends with ctx
	return d
}

// maxStreams is how many requests a page may have under way on one connection: a board follows every sandbox.
const maxStreams = 4096

// handler serves the page.
func (d *desk) handler() http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET /v1/class", d.class)
	own.HandleFunc("GET /v1/page", d.page)
	own.HandleFunc("POST /v1/roles", d.role)
	own.HandleFunc("GET /v1/roles", func(w http.ResponseWriter, r *http.Request) {
		if d.knows(w, r) {
			control.WriteJSON(w, struct{}{})
		}
	})
	return d.g.bySeat(own, d.teacher)
}

// Reach connects a page's browser: to the desk, or to what a sandbox serves to students.
func (g *Gateway) Reach(ctx context.Context, what handoff.Reach) (net.Conn, error) {
	if what.Service == handoff.Desk {
		ours, theirs, err := handoff.Pipe()
		if err == nil {
			go g.desk.queue.Serve(context.WithoutCancel(ctx), theirs)
		}
		return ours, err
	}
	if !slices.Contains([]string{handoff.Student, handoff.SSH, "smtp", "pop3", "imap"}, what.Service) {
		return nil, fmt.Errorf("a page does not reach %q", what.Service)
	}
	t, known := g.seat(what.Seat)
	if !known || what.Seat < 0 {
		return nil, fmt.Errorf("there is no seat %d", what.Seat)
	}
	return g.sandboxes.Dial(ctx, t, handoff.Offer{Service: what.Service, Peer: what.Peer})
}

func (d *desk) class(w http.ResponseWriter, _ *http.Request) {
	d.g.mu.Lock()
	defer d.g.mu.Unlock()
	seats := []control.ClassSeat{}
	for _, t := range d.g.current.Sandboxes {
		seats = append(seats, control.ClassSeat{Seat: t.Seat, Students: t.Students})
	}
	control.WriteJSON(w, seats)
}

// page tells the page how it is served.
func (d *desk) page(w http.ResponseWriter, _ *http.Request) {
	d.g.mu.Lock()
	defer d.g.mu.Unlock()
	page := control.Page{}
	if web := d.g.current.Web; web != nil && web.Page != nil {
		page = *web.Page
	}
	control.WriteJSON(w, page)
}

// code makes a code, for the controller.
func (d *desk) code(w http.ResponseWriter, _ *http.Request) {
	d.g.mu.Lock()
	has := d.g.current.Web != nil
	d.g.mu.Unlock()
	if !has {
		control.WriteError(w, http.StatusNotFound, errors.New("the class has no page"))
		return
	}
	control.WriteJSON(w, control.Code{Code: d.put(d.codes, codeLife)})
}

// role spends a code.
func (d *desk) role(w http.ResponseWriter, r *http.Request) {
	var code control.Code
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&code); err != nil {
		control.WriteError(w, http.StatusBadRequest, err)
		return
	}
	if !d.has(d.codes, code.Code, true) {
		control.WriteError(w, http.StatusForbidden, errors.New("this link has been used, or is too old: maillab web makes another"))
		return
	}
	control.WriteJSON(w, control.Role{Role: d.put(d.roles, roleLife)})
}

// put makes a secret that lapses.
func (d *desk) put(among map[string]time.Time, life time.Duration) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for secret, lapses := range among {
		if now.After(lapses) {
			delete(among, secret)
		}
	}
	secret := rand.Text()
	among[secret] = now.Add(life)
	return secret
}

// has tells whether a secret is one and has not lapsed, and spends it. Which are there nobody learns from how long it takes:
// they are too long to be guessed by their first letters.
func (d *desk) has(among map[string]time.Time, secret string, spend bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	lapses, ok := among[secret]
	if ok && spend {
		delete(among, secret)
	}
	return ok && time.Now().Before(lapses)
}

// mayTeacher are the requests that a teacher's browser may make to a sandbox. What it is, its passwords and its SSH keys are
// not among them: those stay with who holds the instance.
func mayTeacher(r *http.Request) bool {
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/status", "GET /v1/activity", "GET /v1/dialogues", "GET /v1/dialogue", "GET /v1/log", "POST /v1/check", "PUT /v1/mark", "GET /v1/changes",
		"GET /v1/messages", "GET /v1/message", "GET /v1/recordings", "GET /v1/recording", "POST /v1/notes", "GET /v1/copies", "POST /v1/copies",
		"POST /v1/copies/put":
		return true
	case "POST /v1/reset":
		return resetsOne(r)
	}
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/lab")
}

// resetsOne tells of a reset whether it is of one student and keeps a copy first; a page may ask for no other.
func resetsOne(r *http.Request) bool {
	var reset control.Reset
	if json.NewDecoder(io.LimitReader(r.Body, 4<<10)).Decode(&reset) != nil || len(reset.Students) != 1 || reset.Students[0] == "" || !reset.Keep {
		return false
	}
	text, err := json.Marshal(reset) // what was understood is all that goes on
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return err == nil
}

// knows tells whether a request has a teacher's role, and answers it if not.
func (d *desk) knows(w http.ResponseWriter, r *http.Request) bool {
	known := d.has(d.roles, r.Header.Get(control.RoleHeader), false)
	if !known {
		control.WriteError(w, http.StatusUnauthorized, errors.New("you are not known as the teacher any more: maillab web makes a link"))
	}
	return known
}

func (d *desk) teacher(w http.ResponseWriter, r *http.Request, seat string) {
	if !d.knows(w, r) {
		return
	}
	if !mayTeacher(r) {
		control.WriteError(w, http.StatusForbidden, errors.New("a page may not do that"))
		return
	}
	r.Header.Del(control.RoleHeader)
	d.g.control(w, r, seat)
}
