package web

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"maillab/internal/web/terminal"
)

// openTerminal is one that a student has open.
type openTerminal struct {
	personal
	Account string
	Tab     int
	Title   string // as its program calls it
	of      *terminal.Terminal
}

// Query says which it is, in a link.
func (o openTerminal) Query() template.URL {
	return template.URL(query("seat", strconv.Itoa(o.Seat), "student", o.Student, "account", o.Account, "tab", strconv.Itoa(o.Tab))) //nolint:gosec // it is escaped as a query
}

// of are a student's open terminals, and what is closed at the next change of anybody's.
func (r *rooms) of(seat int, student string) (all []openTerminal, changed <-chan struct{}) {
	changed = r.changed.wait()
	r.mu.Lock()
	var theirs []*desks
	for _, d := range r.all {
		if d.seat == seat && d.student == student && student != "" {
			theirs = append(theirs, d)
		}
	}
	r.mu.Unlock()
	for _, d := range theirs { // one of them may be opening a terminal, which takes a while
		d.mu.Lock()
		for tab, t := range d.open {
			if !t.Over() {
				all = append(all, openTerminal{personal{seat, student}, d.account, tab, t.Title(), t})
			}
		}
		d.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b openTerminal) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Tab, b.Tab))
	})
	return all, changed
}

// openTerminals pushes which terminals a student has open.
func (p teachers) openTerminals(ctx context.Context, s *session, q personal, push pushing) error {
	last := "none"
	for {
		all, changed := p.rooms.of(q.Seat, q.Student)
		html := fragment("terminals", personPage{frame: frame{Lang: s.language()}, Terminals: all})
		if html != last {
			if err := push("terminals", html); err != nil {
				return err
			}
			last = html
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// look shows a student's terminal to the teacher, over a WebSocket on which nothing is taken. The student's own windows show that
// somebody looks for as long as it is open. The terminals are this process's: it asks the gateway whether the role is one, at
// the beginning and again and again.
func (p teachers) look(w http.ResponseWriter, r *http.Request, s *session) {
	if err := s.teacher.Known(r.Context()); err != nil {
		if !p.unknown(w, r, s, err) {
			http.Error(w, say(s.language(), "look.away"), http.StatusBadGateway)
		}
		return
	}
	q := of(r)
	all, _ := p.rooms.of(q.Seat, q.Student)
	i := slices.IndexFunc(all, func(o openTerminal) bool {
		return o.Account == r.FormValue("account") && strconv.Itoa(o.Tab) == r.FormValue("tab")
	})
	if i < 0 {
		http.Error(w, say(s.language(), "look.closed"), http.StatusNotFound)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has been answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := context.WithCancel(conn.CloseRead(r.Context())) // who sends something is cut off
	defer cancel()
	go keepAlive(ctx, conn)
	go func() {
		defer cancel()
		s.whileKnown(ctx)
	}()
	if err := all[i].of.Look(ctx, func(f terminal.Frame) error { return send(ctx, conn, f) }); err == nil {
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}
}

// whileKnown returns when the gateway does not know the session's role any more, or ctx ends.
func (s *session) whileKnown(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(heartbeat):
		}
		if isStatus(s.teacher.Known(ctx), http.StatusUnauthorized) {
			return
		}
	}
}
