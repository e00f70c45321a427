package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"maillab/internal/between"
	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// A sandbox asks for what lies outside of it: the relay that its lab names, and in a lab between servers a service of
// another student's server. The class's page asks for services of sandboxes. Nothing else is connected, whatever is asked for.

// Connections that a sandbox asked for, at once, from the dial to the end.
const (
	relaysAtOnce     = 8
	reachesAtOnce    = total / 2 // of a page, which the whole class shares
	neighboursAtOnce = 32        // below what a server lets in from one address (package maild, limits)
	filtersAtOnce    = 4         // messages of one server's that are judged, or wait for it
)

// awakening is how long a message waits for a SpamAssassin that has just been started.
const awakening = 15 * time.Second

// relayPatience bounds a dial.
const relayPatience = 30 * time.Second

// request is one that is asked on a registration.
type request struct {
	*Registry
	reg   *registration
	asker control.Target // of one that is no more, nothing is allowed
	of    Holders
	handoff.Packet
}

// requests answers what is asked on a registration until that ends.
func (r *Registry) requests(ctx context.Context, reg *registration, of Holders) error {
	buffer := make([]byte, handoff.MaxPacket+1)
	relays, neighbours := make(chan struct{}, relaysAtOnce), make(chan struct{}, neighboursAtOnce)
	reaches, filters := make(chan struct{}, reachesAtOnce), make(chan struct{}, filtersAtOnce)
	for {
		p, err := read(reg.conn, buffer)
		if err != nil {
			return err
		}
		asker, known := of.Holder(reg.token)
		q := request{r, reg, asker, of, p}
		switch {
		case p.Ask != 0 && p.Reach != nil && known && asker.Seat == control.WebSeat:
			q.under(reaches, func() { q.reach(ctx) })
		case p.Ask != 0 && p.Relay:
			q.under(relays, func() { q.relay(ctx) })
		case p.Ask != 0 && p.Filter:
			q.under(filters, func() { q.filter(ctx) })
		case p.Ask != 0 && p.Neighbour != nil:
			q.under(neighbours, func() { q.neighbour(ctx) })
		default:
			return errors.New("it says nothing that is known")
		}
	}
}

// under answers beside the others, of which there is a number at once.
func (q request) under(room chan struct{}, answer func()) {
	select {
	case room <- struct{}{}:
	default:
		q.refuse(errors.New("too many connections at once"))
		return
	}
	go func() {
		defer func() { <-room }()
		answer()
	}()
}

// relay dials the relay that the instance's lab names for this seat, and no other address.
func (q request) relay(ctx context.Context) {
	if q.asker.Relay == "" {
		q.refuse(errors.New("the lab names no relay"))
		return
	}
	conn, err := (&net.Dialer{Timeout: relayPatience}).DialContext(ctx, "tcp", q.asker.Relay)
	if err != nil {
		q.refuse(err)
		return
	}
	q.connect(ctx, conn, handoff.Packet{Ask: q.Ask, Address: conn.RemoteAddr().String()})
}

// filter connects a sandbox to the class's SpamAssassin, where the lab has one.
func (q request) filter(ctx context.Context) {
	t, has := q.of.Filter()
	if !has || q.asker.Seat < 0 {
		q.refuse(errors.New("the lab has no SpamAssassin"))
		return
	}
	q.registered(ctx, t, awakening)
	conn, err := q.of.Dial(ctx, t, handoff.Offer{Service: handoff.Filter})
	if err != nil {
		q.refuse(fmt.Errorf("%w: %w", err, syscall.ECONNREFUSED))
		return
	}
	q.connect(ctx, conn, handoff.Packet{Ask: q.Ask})
}

// neighbour connects to a service of another student's server, which sees the asker's own address, or tells only who it is.
func (q request) neighbour(ctx context.Context) {
	t, known := q.of.Neighbour(q.asker, q.Neighbour.To)
	if !known {
		q.refuse(fmt.Errorf("%w: %w", between.ErrNobody, syscall.ENOENT))
		return
	}
	who := t.Server()
	answer := handoff.Packet{Ask: q.Ask, Address: who.Address.String(), Domain: who.Domain}
	switch {
	case q.Neighbour.Service == "":
		_ = handoff.SendNow(q.reg.conn, answer, nil) // who leaves no room for it asks again
		return
	case !between.Passes(q.Neighbour.Service):
		q.refuse(fmt.Errorf("%q does not pass between servers: %w", q.Neighbour.Service, syscall.ETIMEDOUT))
		return
	}
	conn, err := q.of.Dial(ctx, t, handoff.Offer{Service: q.Neighbour.Service, Peer: q.peer(who), Neighbour: true})
	if err != nil {
		q.refuse(fmt.Errorf("%w: %w", err, syscall.ECONNREFUSED))
		return
	}
	q.connect(ctx, conn, answer)
}

// peer is who a server is told that it speaks with. Its port is one of those that clients have (RFC 6335 section 6).
func (q request) peer(to between.Server) mail.Peer {
	const first, many = 49152, 16384
	return mail.Peer{
		Remote: netip.AddrPortFrom(q.asker.Server().Address, uint16(first+q.Ask%many)),
		Local:  netip.AddrPortFrom(to.Address, 25),
	}
}

// connect hands the asker one end of a connection to what was reached.
func (q request) connect(ctx context.Context, reached net.Conn, answer handoff.Packet) {
	ours, theirs, err := handoff.Stream()
	if err != nil {
		reached.Close()
		q.refuse(err)
		return
	}
	err = handoff.SendNow(q.reg.conn, answer, theirs)
	theirs.Close()
	if err != nil {
		reached.Close()
		ours.Close()
		return
	}
	copyBoth(ctx, reached, ours, q.buffers, q.stall)
}

// reach hands the page one end of a connection to a sandbox's service; the sandbox has the other, the gateway none. Where there
// are many machines it copies between two.
func (q request) reach(ctx context.Context) {
	conn, err := q.of.Reach(ctx, *q.Reach)
	if err != nil {
		q.refuse(err)
		return
	}
	direct, ok := conn.(*net.UnixConn)
	if !ok {
		q.connect(ctx, conn, handoff.Packet{Ask: q.Ask})
		return
	}
	defer direct.Close()
	end, err := direct.File()
	if err != nil {
		q.refuse(err)
		return
	}
	defer end.Close()
	if err := handoff.SendNow(q.reg.conn, handoff.Packet{Ask: q.Ask}, end); err != nil {
		q.log.Warn("an answer to the page", "err", err)
	}
}

// refuse tells why there is no connection.
func (q request) refuse(why error) {
	p := handoff.Packet{Ask: q.Ask, Error: why.Error()}
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.As(why, &errno):
		p.Errno = int(errno)
	case errors.As(why, &timeout) && timeout.Timeout():
		p.Errno = int(syscall.ETIMEDOUT)
	}
	if err := handoff.SendNow(q.reg.conn, p, nil); err != nil {
		q.log.Warn("an answer to what was asked", "seat", q.reg.seat, "err", err)
	}
}
