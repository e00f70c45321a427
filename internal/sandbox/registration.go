//go:build linux

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"maillab/internal/handoff"
)

// gatewaySocket is where the gateway takes registrations: on a volume that the sandboxes of an instance share with it,
// mounted below a folder that only root enters.
const gatewaySocket = "/srv/gateway/socket/gateway.sock"

// How long the gateway is left alone before it is tried again. It comes back at any time, and everybody waits for it.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 300 * time.Millisecond
)

// registration keeps the sandbox registered at its gateway, for ever, and takes what the gateway hands over.
type registration struct {
	socket, token string
	take          func(handoff.Offer, *os.File) // owns the file
	log           *slog.Logger

	mu      sync.Mutex
	conn    *net.UnixConn // nil: the gateway is away
	last    uint64
	waiting map[uint64]chan relayed // for answers about the relay
}

// relayed is an answer of the gateway's.
type relayed struct {
	handoff.Packet
	end *os.File
}

func newRegistration(socket, token string, take func(handoff.Offer, *os.File), log *slog.Logger) *registration {
	return &registration{socket: socket, token: token, take: take, log: log, waiting: map[uint64]chan relayed{}}
}

// run returns when ctx ends.
func (r *registration) run(ctx context.Context) {
	delay, last := time.Duration(0), ""
	for ctx.Err() == nil {
		registered, err := r.once(ctx)
		if registered {
			delay = 0
		}
		if err != nil && ctx.Err() == nil && err.Error() != last { // once is enough: it may be away for long
			last = err.Error()
			r.log.Warn("the gateway", "err", err)
		}
		if registered {
			last = ""
		}
		pause(ctx, delay)
		delay = min(longestPause, max(firstPause, 2*delay))
	}
}

// once registers and takes what comes until the connection ends. A gateway that sends something has taken the token.
func (r *registration) once(ctx context.Context) (registered bool, err error) {
	dialed, err := (&net.Dialer{Timeout: handoff.HelloPatience}).DialContext(ctx, "unixpacket", r.socket)
	if err != nil {
		return false, err
	}
	conn := dialed.(*net.UnixConn)
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := handoff.Send(conn, handoff.Packet{Token: r.token}, nil); err != nil {
		return false, err
	}
	r.set(conn)
	defer r.set(nil)
	buffer := make([]byte, handoff.MaxPacket+1)
	for {
		packet, file, err := handoff.Receive(conn, buffer)
		if errors.Is(err, io.EOF) {
			err = errors.New("it has closed the registration")
		}
		if err != nil {
			return registered, err
		}
		registered = true
		if err := r.heard(packet, file); err != nil {
			return registered, err
		}
	}
}

// set changes the connection; what was asked over the one before is not answered any more.
func (r *registration) set(conn *net.UnixConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = conn
	for id, wait := range r.waiting {
		close(wait)
		delete(r.waiting, id)
	}
}

// heard deals with one packet. It owns the file.
func (r *registration) heard(packet []byte, file *os.File) error {
	var p handoff.Packet
	err := handoff.Parse(packet, &p)
	switch {
	case err != nil:
	case p.Offer != nil && file != nil:
		r.take(*p.Offer, file)
		return nil
	case p.Relay != 0:
		r.answered(relayed{p, file})
		return nil
	default:
		err = errors.New("it says nothing that is known")
	}
	if file != nil {
		_ = file.Close()
	}
	return err
}

func (r *registration) answered(a relayed) {
	r.mu.Lock()
	wait, ok := r.waiting[a.Relay]
	delete(r.waiting, a.Relay)
	r.mu.Unlock()
	if ok {
		wait <- a
	} else if a.end != nil {
		_ = a.end.Close()
	}
}

// relay has the gateway dial the relay that the lab names.
func (r *registration) relay(ctx context.Context) (end *os.File, address string, err error) {
	wait := make(chan relayed, 1)
	id, err := r.ask(wait)
	if err != nil {
		return nil, "", err
	}
	select {
	case a, ok := <-wait:
		switch {
		case !ok:
			return nil, "", fmt.Errorf("relay: the gateway has gone: %w", syscall.ENETUNREACH)
		case a.end != nil:
			return a.end, a.Address, nil
		case a.Errno != 0:
			return nil, "", fmt.Errorf("relay: %s: %w", a.Error, syscall.Errno(a.Errno))
		}
		return nil, "", fmt.Errorf("relay: %s", a.Error)
	case <-ctx.Done():
		r.forget(id, wait)
		return nil, "", ctx.Err()
	}
}

func (r *registration) ask(wait chan relayed) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return 0, fmt.Errorf("relay: the gateway is away: %w", syscall.ENETUNREACH)
	}
	r.last++
	r.waiting[r.last] = wait
	err := handoff.Send(r.conn, handoff.Packet{Relay: r.last}, nil)
	if err != nil {
		delete(r.waiting, r.last)
	}
	return r.last, err
}

// forget lets go of an answer that came too late, too.
func (r *registration) forget(id uint64, wait chan relayed) {
	r.mu.Lock()
	_, still := r.waiting[id]
	delete(r.waiting, id)
	r.mu.Unlock()
	if !still {
		if a := <-wait; a.end != nil {
			_ = a.end.Close()
		}
	}
}
