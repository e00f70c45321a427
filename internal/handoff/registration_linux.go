package handoff

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
)

// How long the gateway is left alone before it is tried again. It comes back at any time, and everybody waits for it.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 300 * time.Millisecond
)

// Registration keeps somebody registered at the gateway's socket, for ever, and takes what the gateway hands over. Make it
// with Register.
type Registration struct {
	socket string
	hello  Packet
	take   func(Offer, *os.File) // owns the file
	log    *slog.Logger

	mu      sync.Mutex
	conn    *net.UnixConn // nil: the gateway is away
	last    uint64
	waiting map[uint64]chan answered
}

// answered is an answer of the gateway's.
type answered struct {
	Packet
	end *os.File
}

// Register makes one, which does nothing before Run. hello has the token; take is given what is offered, and owns the file.
func Register(socket string, hello Packet, take func(Offer, *os.File), log *slog.Logger) *Registration {
	return &Registration{socket: socket, hello: hello, take: take, log: log, waiting: map[uint64]chan answered{}}
}

// Run returns when ctx ends.
func (r *Registration) Run(ctx context.Context) {
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
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
		delay = min(longestPause, max(firstPause, 2*delay))
	}
}

// once registers and takes what comes until the connection ends. A gateway that sends something has taken the token.
func (r *Registration) once(ctx context.Context) (registered bool, err error) {
	dialed, err := (&net.Dialer{Timeout: HelloPatience}).DialContext(ctx, "unixpacket", r.socket)
	if err != nil {
		return false, err
	}
	conn := dialed.(*net.UnixConn)
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := Send(conn, r.hello, nil); err != nil {
		return false, err
	}
	r.set(conn)
	defer r.set(nil)
	buffer := make([]byte, MaxPacket+1)
	for {
		packet, file, err := Receive(conn, buffer)
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
func (r *Registration) set(conn *net.UnixConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = conn
	for id, wait := range r.waiting {
		close(wait)
		delete(r.waiting, id)
	}
}

// heard deals with one packet. It owns the file.
func (r *Registration) heard(packet []byte, file *os.File) error {
	var p Packet
	err := Parse(packet, &p)
	switch {
	case err != nil:
	case p.Offer != nil && file != nil:
		r.take(*p.Offer, file)
		return nil
	case p.Ask != 0:
		r.answer(answered{p, file})
		return nil
	default:
		err = errors.New("it says nothing that is known")
	}
	if file != nil {
		_ = file.Close()
	}
	return err
}

func (r *Registration) answer(a answered) {
	r.mu.Lock()
	wait, ok := r.waiting[a.Ask]
	delete(r.waiting, a.Ask)
	r.mu.Unlock()
	if ok {
		wait <- a
	} else if a.end != nil {
		_ = a.end.Close()
	}
}

// Ask asks the gateway for a connection, with a packet that says for which, and returns an end of it with the gateway's answer.
// Where a packet asks for none there is no end.
func (r *Registration) Ask(ctx context.Context, p Packet) (end *os.File, answer Packet, err error) {
	wait := make(chan answered, 1)
	id, err := r.ask(p, wait)
	if err != nil {
		return nil, Packet{}, err
	}
	select {
	case a, ok := <-wait:
		switch {
		case !ok:
			return nil, Packet{}, fmt.Errorf("the gateway has gone: %w", syscall.ENETUNREACH)
		case a.end != nil, a.Error == "" && p.Neighbour != nil && p.Neighbour.Service == "":
			return a.end, a.Packet, nil
		case a.Errno != 0:
			return nil, Packet{}, fmt.Errorf("%s: %w", a.Error, syscall.Errno(a.Errno))
		}
		return nil, Packet{}, errors.New(a.Error)
	case <-ctx.Done():
		r.forget(id, wait)
		return nil, Packet{}, ctx.Err()
	}
}

func (r *Registration) ask(p Packet, wait chan answered) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return 0, fmt.Errorf("the gateway is away: %w", syscall.ENETUNREACH)
	}
	r.last++
	p.Ask = r.last
	r.waiting[p.Ask] = wait
	err := Send(r.conn, p, nil)
	if err != nil {
		delete(r.waiting, p.Ask)
	}
	return p.Ask, err
}

// forget lets go of an answer that came too late, too.
func (r *Registration) forget(id uint64, wait chan answered) {
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
