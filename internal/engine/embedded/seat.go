package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"maillab/internal/belongings"
	"maillab/internal/between"
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/maild"
	"maillab/internal/safeio"
	"maillab/internal/spec"
)

// seat is one sandbox: a daemon, replaced by another one when it is told another spec.
type seat struct {
	resource engine.Resource
	dir      string
	log      *slog.Logger
	ask      between.Ask
	ctx      context.Context // ends with the process, or when the seat is removed
	end      func()

	replacing sync.Mutex // one daemon takes another's place at a time

	mu   sync.Mutex
	live *life         // nil: there is none just now
	next chan struct{} // closed when that changes
}

// life is a daemon with what runs for it.
type life struct {
	daemon  *maild.Daemon // nil: no spec yet
	control http.Handler
	ctx     context.Context // ends connections, requests and the queue
	end     func()
	guests  sync.WaitGroup // connections and requests, and the queue; nobody comes after the seat has let go of it
}

// newSeat starts a seat with the spec that its folder remembers, if any. ctx is of the process, not of a request.
func newSeat(ctx context.Context, r engine.Resource, dir string, ask between.Ask, log *slog.Logger) (*seat, error) {
	s := &seat{resource: r, dir: dir, ask: ask, log: log.With("seat", r.Seat), next: make(chan struct{})}
	s.ctx, s.end = context.WithCancel(ctx)
	text, err := os.ReadFile(filepath.Join(dir, specFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.live = s.life(nil)
	case err == nil:
		s.live, err = s.begin(text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("seat %d: %w", r.Seat, err)
	}
	return s, nil
}

// life makes one for a daemon, or, with nil, for a seat that waits for its spec.
func (s *seat) life(daemon *maild.Daemon) *life {
	l := &life{daemon: daemon}
	l.ctx, l.end = context.WithCancel(s.ctx)
	l.control = (&maild.Control{Daemon: daemon, Host: host{s}}).Handler(s.log)
	return l
}

// begin starts a daemon.
func (s *seat) begin(text []byte) (*life, error) {
	var sandbox spec.Sandbox
	if err := json.Unmarshal(text, &sandbox); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	hashes := map[string]string{}
	for _, a := range sandbox.Accounts {
		hashes[a.Name] = a.PasswordHash
	}
	daemon, err := maild.New(maild.Config{
		Spec: sandbox, Files: mbox.PlainFiles(filepath.Join(s.dir, "users")), Accounts: auth.NewMemory(hashes),
		StateDir: filepath.Join(s.dir, "maild"), LogFile: filepath.Join(s.dir, "mail.log"),
		Dial: firewall(sandbox.Outside), Ask: s.ask, AnyListener: true, Log: s.log,
		Belongings: belongings.Plain{Dir: filepath.Join(s.dir, "users")},
	})
	if err != nil {
		return nil, err
	}
	l := s.life(daemon)
	l.guests.Go(func() {
		if err := daemon.Run(l.ctx); err != nil && l.ctx.Err() == nil {
			s.log.Error("the daemon stopped", "err", err)
		}
	})
	return l, nil
}

// enter is the daemon as it is now, which stays until leave is called. When another one is just taking its place, that is
// waited for; with told, so is a spec.
func (s *seat) enter(ctx context.Context, told bool) (l *life, leave func(), ok bool) {
	for {
		s.mu.Lock()
		l, next := s.live, s.next
		if l != nil && (!told || l.daemon != nil) {
			l.guests.Add(1)
			s.mu.Unlock()
			return l, l.guests.Done, true
		}
		s.mu.Unlock()
		select {
		case <-next:
		case <-ctx.Done():
			return nil, nil, false
		case <-s.ctx.Done():
			return nil, nil, false
		}
	}
}

// come says which daemon there is from now on, and returns the one before it.
func (s *seat) come(l *life) (last *life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, s.live = s.live, l
	close(s.next)
	s.next = make(chan struct{})
	return last
}

// change lets nobody come to the daemon any more, waits until its last connection and request are gone, and closes it:
// two daemons never work on the same files. Then it begins the next one.
func (s *seat) change(next func() (*life, error)) error {
	s.replacing.Lock()
	defer s.replacing.Unlock()
	if err := s.come(nil).finish(); err != nil {
		s.log.Warn("ending a daemon", "err", err)
	}
	l, err := next()
	if err != nil {
		l = s.life(nil) // which can still be told another spec
	}
	s.come(l)
	return err
}

// finish ends a daemon and waits for it.
func (l *life) finish() error {
	if l == nil {
		return nil
	}
	l.end()
	l.guests.Wait()
	if l.daemon == nil {
		return nil
	}
	return l.daemon.Close()
}

// close ends the seat for good.
func (s *seat) close() error {
	s.end()
	s.replacing.Lock()
	defer s.replacing.Unlock()
	return s.come(nil).finish()
}

// ServeHTTP answers as the seat's control: that of the daemon as it is now.
func (s *seat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l, leave, ok := s.enter(r.Context(), false)
	if !ok {
		control.WriteError(w, http.StatusBadGateway, fmt.Errorf("seat %d does not run", s.resource.Seat))
		return
	}
	if control.Replaces(r) {
		leave() // it waits for all the others
		l.control.ServeHTTP(w, r)
		return
	}
	defer leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(l.ctx, func() {
		cancel()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(lastAnswers)) // a slow reader holds nobody up
	})()
	l.control.ServeHTTP(w, r.WithContext(ctx))
}

// lastAnswers is how long requests under way may take to be answered when a daemon ends.
const lastAnswers = time.Second

// specPatience is how long a connection waits for a sandbox that does not know yet what it is.
const specPatience = 10 * time.Second

// serve hands a connection to the daemon. Doors open before a new sandbox is told what it is: as in a real one, whoever is
// early waits.
func (s *seat) serve(service string, conn net.Conn, probe bool) {
	ctx, cancel := context.WithTimeout(s.ctx, specPatience)
	l, leave, ok := s.enter(ctx, true)
	cancel()
	if !ok {
		conn.Close()
		return
	}
	defer leave()
	defer context.AfterFunc(l.ctx, func() { time.AfterFunc(lastAnswers, func() { conn.Close() }) })() // who does not read holds nobody up
	if probe {
		l.daemon.Probe(service, conn)
	} else {
		l.daemon.Serve(l.ctx, service, conn)
	}
}

// host does for a seat what the supervisor does in a sandbox.
type host struct{ s *seat }

// errNoSystem is the answer to what needs a system.
var errNoSystem = &control.Error{Status: http.StatusNotImplemented, Text: "the embedded engine has no system accounts and no SSH"}

// Configure keeps the spec and lets a new daemon take the old one's place.
func (h host) Configure(_ context.Context, text []byte) error {
	return h.s.change(func() (*life, error) { return h.s.become(text) })
}

// become begins the life that a spec describes, and keeps the spec.
func (s *seat) become(text []byte) (*life, error) {
	l, err := s.begin(text)
	if err != nil {
		return nil, err
	}
	return l, safeio.WriteFile(filepath.Join(s.dir, specFile), text, 0o600, safeio.Durable)
}

func (host) Authorize(context.Context, string, string, time.Duration) error { return errNoSystem }
func (host) Stamp(context.Context) (string, error)                          { return "", errNoSystem }
func (host) Moving(context.Context) error                                   { return errNoSystem }
func (host) HostKey(context.Context) (string, error)                        { return "", errNoSystem }

// firewall stands for the dropped packets of a sandbox: a connection to the outside world is never made, it times out.
// Everything that is not outside is dialled.
func firewall(outside []spec.Outside) func(ctx context.Context, network, address string) (net.Conn, error) {
	dropped := map[string]bool{}
	for _, o := range outside {
		dropped[o.Address] = true
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		to, _, err := net.SplitHostPort(address)
		if err == nil && dropped[to] {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ETIMEDOUT}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}
