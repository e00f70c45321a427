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
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/maild"
	"maillab/internal/spec"
)

// seat is one sandbox: a daemon, replaced by another one when it is told another spec.
type seat struct {
	resource engine.Resource
	dir      string
	log      *slog.Logger
	handler  http.Handler

	first func()          // called when there is a spec
	begun <-chan struct{} // closed by it

	mu   sync.RWMutex
	live *life // nil: no spec yet
}

// life is a daemon with what runs for it.
type life struct {
	daemon *maild.Daemon
	ctx    context.Context // ends connections and the queue
	end    func()
	ended  chan struct{} // closed when the queue has stopped
}

// newSeat starts a seat with the spec that its folder remembers, if any.
func newSeat(ctx context.Context, r engine.Resource, dir string, log *slog.Logger) (*seat, error) {
	waiting := make(chan struct{})
	s := &seat{resource: r, dir: dir, log: log.With("seat", r.Seat), begun: waiting, first: sync.OnceFunc(func() { close(waiting) })}
	s.handler = control.Handler(s, "", s.log)
	text, err := os.ReadFile(filepath.Join(dir, specFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		s.live, err = s.begin(ctx, text)
	}
	if err != nil {
		return nil, fmt.Errorf("seat %d: %w", r.Seat, err)
	}
	return s, nil
}

// begin starts a daemon. ctx is of the process, not of a request.
func (s *seat) begin(ctx context.Context, text []byte) (*life, error) {
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
		Dial: firewall(sandbox.Outside), AnyListener: true, Log: s.log,
		Belongings: belongings.Plain{Dir: filepath.Join(s.dir, "users")},
	})
	if err != nil {
		return nil, err
	}
	s.first()
	ctx, end := context.WithCancel(ctx)
	l := &life{daemon: daemon, ctx: ctx, end: end, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		if err := daemon.Run(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the daemon stopped", "err", err)
		}
	}()
	return l, nil
}

// finish ends a daemon and waits for it.
func (l *life) finish() error {
	if l == nil {
		return nil
	}
	l.end()
	<-l.ended
	return l.daemon.Close()
}

func (s *seat) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.live
	s.live = nil
	return l.finish()
}

// specPatience is how long a connection waits for a sandbox that does not know yet what it is.
const specPatience = 10 * time.Second

// serve hands a connection to the daemon. Doors open before a new sandbox is told what it is: as in a real one, whoever is
// early waits.
func (s *seat) serve(service string, conn net.Conn, probe bool) {
	select {
	case <-s.begun:
	case <-time.After(specPatience):
	}
	s.mu.RLock()
	l := s.live
	s.mu.RUnlock()
	switch {
	case l == nil:
		conn.Close()
	case probe:
		l.daemon.Probe(service, conn)
	default:
		l.daemon.Serve(l.ctx, service, conn)
	}
}

// current is the control port's backend as it is now.
func (s *seat) current() *maild.Control {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := &maild.Control{Host: host{s}}
	if s.live != nil {
		c.Daemon = s.live.daemon
	}
	return c
}

// host does for a seat what the supervisor does in a sandbox.
type host struct{ s *seat }

// errNoSystem is the answer to what needs a system.
var errNoSystem = &control.Error{Status: http.StatusNotImplemented, Text: "the embedded engine has no system accounts and no SSH"}

// Configure keeps the spec and lets a new daemon take the old one's place.
func (h host) Configure(_ context.Context, text []byte) error {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.s.replace(text)
}

// replace is Configure for who holds the lock.
func (s *seat) replace(text []byte) error {
	if err := s.live.finish(); err != nil {
		s.log.Warn("ending the daemon before it", "err", err)
	}
	s.live = nil
	next, err := s.begin(context.Background(), text)
	if err != nil {
		return err
	}
	s.live = next
	return writeAside(filepath.Join(s.dir, specFile), text)
}

func (host) Authorize(context.Context, string, string, time.Duration) error { return errNoSystem }
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
