// Package web is a class in a browser: for each student the statement with its tasks, and for the teacher the class.
//
// It promises: a student's request has no more rights than the student's login, for each goes to the student's own sandbox
// with the password, which is verified there; a teacher's carries a role that the gateway checks. What students wrote is
// never markup. Nothing is fetched from elsewhere, and nothing is kept: when the process ends, everybody logs in again.
//
// All links are relative and all pages lie side by side, so that a proxy may put the page below any path. Pages work without
// scripts; with them they change by themselves.
package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
	"maillab/internal/webmail"
)

// Config is what a page is made of.
type Config struct {
	Name string // of the instance
	// Reach connects a browser to a service of a sandbox, or to the gateway's desk.
	Reach func(ctx context.Context, what handoff.Reach) (net.Conn, error)
	Log   *slog.Logger
	Now   func() time.Time // nil is time.Now
}

// Page serves a class. Make it with New.
type Page struct {
	cfg      Config
	boot     string // tells browsers that it is another process
	sessions *sessions
	attempts *attempts
	desk     *control.Client
	served   servings
	rooms    rooms
	notices  notices
}

// New makes one.
func New(cfg Config) *Page {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Page{cfg: cfg, boot: newSecret(), sessions: newSessions(cfg.Now), attempts: newAttempts(cfg.Now)}
	p.desk = p.client(handoff.Reach{Service: handoff.Desk})
	return p
}

// client speaks control over a connection of one kind, which is made when it is needed.
func (p *Page) client(what handoff.Reach) *control.Client {
	return control.NewClient(func(ctx context.Context) (net.Conn, error) { return p.cfg.Reach(ctx, what) })
}

// Bounds of requests.
const (
	headerPatience = 10 * time.Second
	idlePatience   = 2 * time.Minute
	maxForm        = 64 << 10 // octets
	maxDrained     = 64 << 20 // octets of a form that is larger than it may be
	drainPatience  = 30 * time.Second
)

// Serve serves the browsers whose connections the listener has, until ctx ends.
func (p *Page) Serve(ctx context.Context, l net.Listener) {
	server := &http.Server{
		Handler: p.Handler(), ReadHeaderTimeout: headerPatience, IdleTimeout: idlePatience, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, mail.PeerOf(c))
		},
		ErrorLog: slog.NewLogLogger(p.cfg.Log.Handler(), slog.LevelDebug),
	}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(p.newFront(ctx, l)); err != nil && !errors.Is(err, http.ErrServerClosed) {
		p.cfg.Log.Error("the page", "err", err)
	}
}

// peerKey is where a request's context has the addresses of who connected.
type peerKey struct{}

// Handler is the page.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("POST /login", p.login)
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) { to(w, "./") }) // who was refused loads that address again
	mux.HandleFunc("POST /logout", p.mine(p.logout))
	mux.HandleFunc("GET /events", p.mine(p.events))
	mux.HandleFunc("GET /happened", p.mine(p.happened))
	mux.HandleFunc("GET /dialogue", p.mine(p.dialogue))
	mux.HandleFunc("GET /message", p.mine(p.message))
	mux.HandleFunc("GET /log", p.mine(p.maillog))
	mux.HandleFunc("GET /log-events", p.mine(p.logEvents))
	mux.HandleFunc("GET /terminal", p.mine(p.terminal))
	mux.HandleFunc("POST /noticed", p.mine(p.noticed))
	teachers{p}.handle(mux)
	mux.HandleFunc("POST /check", p.mine(p.check))
	mux.HandleFunc("POST /answer", p.mine(p.answer))
	mux.HandleFunc("GET /alive", p.mine(func(w http.ResponseWriter, _ *http.Request, _ *session) { w.WriteHeader(http.StatusNoContent) }))
	for pattern, page := range webmail.Pages() {
		mux.HandleFunc(pattern, p.mail(page))
	}
	mux.Handle("GET /static/", static())
	return p.visited(hardened(http.NewCrossOriginProtection().Handler(mux)))
}

// hardened sets what every answer says to the browser.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // a teacher's link has a code in it
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.ContentLength > formLimit(r) {
			tooLarge(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, formLimit(r))
		next.ServeHTTP(w, r)
	})
}

// tooLarge refuses a form, after most of it was read: a browser that cannot send all of it shows no answer.
func tooLarge(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainPatience)) // where there is none, nothing is slow
	_, _ = io.CopyN(io.Discard, r.Body, maxDrained)
	http.Error(w, say(spoken(r), "large"), http.StatusRequestEntityTooLarge)
}

// mine lets in who has logged in as a student. What changes something carries the session's token.
func (p *Page) mine(do func(w http.ResponseWriter, r *http.Request, s *session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := p.sessions.of(r)
		switch {
		case s == nil || s.client == nil:
			p.again(w, r, http.StatusUnauthorized, "", say(spoken(r), "login.over"))
		case r.Method == http.MethodPost && !s.sent(r):
			http.Error(w, "this form is not from this page: load the page again", http.StatusForbidden)
		default:
			do(w, r, s)
		}
	}
}

// to sends the browser to a page of ours. The path is relative, which http.Redirect does not leave it.
func to(w http.ResponseWriter, page string) {
	w.Header().Set("Location", page)
	w.WriteHeader(http.StatusSeeOther)
}
