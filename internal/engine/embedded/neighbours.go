package embedded

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"maillab/internal/between"
	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// askFor does for a seat what the gateway does for a sandbox: it finds neighbours, and connects to their daemons, which are in
// this process.
func (p *process) askFor(seat int) between.Ask {
	return func(_ context.Context, to, service string) (net.Conn, between.Server, error) {
		asker, _ := p.gateway.Seat(seat)
		t, known := p.gateway.Neighbour(asker, to)
		if !known {
			return nil, between.Server{}, between.ErrNobody
		}
		who := t.Server()
		if service == "" {
			return nil, who, nil
		}
		neighbour := p.seat(t.Seat)
		if neighbour == nil || !between.Passes(service) {
			return nil, who, fmt.Errorf("%s of %s: %w", service, who.Domain, syscall.ECONNREFUSED)
		}
		here, there := net.Pipe()
		from, at := netip.AddrPortFrom(asker.Server().Address, 49152), netip.AddrPortFrom(who.Address, 25)
		go neighbour.serve(service, &handoff.Conn{Conn: there, Offer: handoff.Offer{Service: service, Peer: mail.Peer{Remote: from, Local: at}, Neighbour: true}}, false)
		return &handoff.Conn{Conn: here, Offer: handoff.Offer{Service: service, Peer: mail.Peer{Remote: at, Local: from}}}, who, nil
	}
}
