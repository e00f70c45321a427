package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// Registry is the sandboxes that have registered. Each keeps one connection to the gateway's socket, over which it is
// handed one end of a socket pair for every connection that is for it (package handoff). It implements Sandboxes.
type Registry struct {
	log     *slog.Logger
	proxy   *httputil.ReverseProxy
	stall   time.Duration // see copyBoth
	buffers *sync.Pool
	room    chan struct{} // for those that have not said whose they are

	mu      sync.Mutex
	live    map[string]*registration // by token
	entered chan struct{}            // closed when the next one registers
}

// strangers is how many may be connected that have not said whose they are, or said something unknown.
const strangers = 256

// refusal is how long one with an unknown token is kept: it comes again at once.
const refusal = 200 * time.Millisecond

// NewRegistry makes one that nobody has registered at.
func NewRegistry(log *slog.Logger) *Registry {
	r := &Registry{log: log, stall: stall, buffers: newBuffers(), room: make(chan struct{}, strangers), live: map[string]*registration{},
		entered: make(chan struct{})}
	r.proxy = &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", p.In.Context().Value(targetKey{}).(control.Target).Token
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return r.offer(ctx.Value(targetKey{}).(control.Target), handoff.Offer{Service: handoff.Control})
			},
			MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		},
		FlushInterval: -1, // logs and dialogues are watched live
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			control.WriteError(w, http.StatusBadGateway, fmt.Errorf("it does not answer control: %w", err))
		},
	}
	return r
}

type targetKey struct{}

// Control passes the request on to the sandbox.
func (r *Registry) Control(t control.Target) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.proxy.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), targetKey{}, t)))
	})
}

// Dial implements Sandboxes: a service of mail knows a probe by its offer, and says one line only.
func (r *Registry) Dial(_ context.Context, t control.Target, o handoff.Offer) (net.Conn, error) {
	return r.offer(t, o)
}

// Serve relays a student's connection until both sides have said all.
func (r *Registry) Serve(ctx context.Context, t control.Target, service string, peer net.Conn) {
	r.registered(ctx, t, comesBack)
	conn, err := r.offer(t, handoff.Offer{Service: service, Peer: mail.PeerOf(peer)})
	if err != nil {
		r.log.Warn("a student's connection", "seat", t.Seat, "service", service, "err", err)
		peer.Close()
		return
	}
	copyBoth(ctx, peer, conn, r.buffers, r.stall)
}

// comesBack is how long a connection waits for its sandbox to register: after a start of the gateway's all of them do
// within a second, and its doors are open before.
const comesBack = 3 * time.Second

// registered waits until a sandbox is, or patience ends.
func (r *Registry) registered(ctx context.Context, t control.Target, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		r.mu.Lock()
		there, entered := r.live[t.Token] != nil, r.entered
		r.mu.Unlock()
		if there {
			return
		}
		select {
		case <-entered:
		case <-ctx.Done():
			return
		}
	}
}

// offer hands a sandbox one end of a connection and returns the other.
func (r *Registry) offer(t control.Target, o handoff.Offer) (net.Conn, error) {
	r.mu.Lock()
	reg := r.live[t.Token]
	r.mu.Unlock()
	if reg == nil {
		return nil, fmt.Errorf("%s has not registered", t.Name())
	}
	ours, theirs, err := handoff.Stream()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if err := handoff.SendNow(reg.conn, handoff.Packet{Offer: &o}, theirs); err != nil {
		ours.Close()
		return nil, fmt.Errorf("%s does not take connections: %w", t.Name(), err)
	}
	return ours, nil
}

// registration is one sandbox's connection.
type registration struct {
	conn  *net.UnixConn
	seat  int
	token string
}

// Holders know who registers, what a page may be connected to, who is whose neighbour, and what judges mail: a Gateway.
type Holders interface {
	Holder(token string) (control.Target, bool)
	Admit(ctx context.Context, t control.Target, incarnation int) (until context.Context, err error)
	Dial(ctx context.Context, t control.Target, o handoff.Offer) (net.Conn, error)
	Reach(ctx context.Context, what handoff.Reach) (net.Conn, error)
	Neighbour(asker control.Target, to string) (control.Target, bool)
	Filter() (control.Target, bool)
}

// Listen takes registrations until the listener is closed.
func (r *Registry) Listen(ctx context.Context, l *net.UnixListener, of Holders) {
	for {
		conn, err := l.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			r.log.Warn("accepting registrations", "err", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		r.room <- struct{}{}
		go r.serve(ctx, conn, of)
	}
}

func (r *Registry) serve(ctx context.Context, conn *net.UnixConn, of Holders) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	reg, until, err := r.hello(ctx, conn, of)
	<-r.room
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("a registration is refused", "err", err)
		}
		return
	}
	defer context.AfterFunc(until, func() { conn.Close() })()
	r.enter(reg)
	defer r.leave(reg)
	if err := r.requests(ctx, reg, of); ctx.Err() == nil {
		r.log.Warn("a registration ends", "seat", reg.seat, "err", err)
	}
}

// hello reads whose registration it is, and how long it may last.
func (r *Registry) hello(ctx context.Context, conn *net.UnixConn, of Holders) (*registration, context.Context, error) {
	_ = conn.SetReadDeadline(time.Now().Add(handoff.HelloPatience))
	p, err := read(conn, make([]byte, handoff.MaxPacket+1))
	if err != nil {
		return nil, nil, err
	}
	t, known := of.Holder(p.Token)
	if p.Token == "" || !known {
		time.Sleep(refusal)
		return nil, nil, errors.New("unknown token")
	}
	until, err := of.Admit(ctx, t, p.Incarnation)
	if err != nil {
		time.Sleep(refusal)
		return nil, nil, err
	}
	return &registration{conn, t.Seat, p.Token}, until, conn.SetReadDeadline(time.Time{})
}

// read takes one packet. Sandboxes attach nothing.
func read(conn *net.UnixConn, buffer []byte) (p handoff.Packet, err error) {
	packet, file, err := handoff.Receive(conn, buffer)
	if err != nil {
		return p, err
	}
	if file != nil {
		file.Close()
		return p, errors.New("something is attached that was not asked for")
	}
	return p, handoff.Parse(packet, &p)
}

// enter puts a registration in force. Of two with one token the later wins: the earlier's sandbox is gone, or was copied.
func (r *Registry) enter(reg *registration) {
	r.mu.Lock()
	before := r.live[reg.token]
	r.live[reg.token] = reg
	close(r.entered)
	r.entered = make(chan struct{})
	r.mu.Unlock()
	if before != nil {
		r.log.Warn("a sandbox registers again: the registration before is closed", "seat", reg.seat)
		before.conn.Close()
	}
}

func (r *Registry) leave(reg *registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live[reg.token] == reg {
		delete(r.live, reg.token)
	}
}
