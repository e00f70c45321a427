//go:build linux

package broker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// A sandbox has no network. The relay that its lab names is dialled by the gateway, which knows where it is:
//
//	{"id":22,"op":"relay"}                                          → {"id":22,"text":"192.0.2.1:25"} + the end of a connection
const opRelay = "relay"

// Relayer is a Backend that can have the lab's relay dialled.
type Relayer interface {
	DialRelay(ctx context.Context) (end *os.File, address string, err error)
}

// DialRelay connects to the relay that the lab names. The connection's peer is the relay's address.
func (c *Client) DialRelay(ctx context.Context) (net.Conn, error) {
	a, err := c.ask(ctx, request{Op: opRelay}, nil)
	if err != nil {
		return nil, err
	}
	if a.file == nil {
		return nil, fmt.Errorf("relay: the answer holds no connection")
	}
	conn, err := handoff.FileConn(a.file)
	if err != nil {
		return nil, err
	}
	relayed := &handoff.Conn{Conn: conn}
	if at, err := netip.ParseAddrPort(a.reply.Text); err == nil {
		relayed.Offer.Peer = mail.Peer{Remote: at}
	}
	return relayed, nil
}

func (s *session) relay(ctx context.Context) (r reply, end *os.File, err error) {
	relayer, ok := s.backend.(Relayer)
	if !ok {
		return r, nil, fmt.Errorf("relay: %w", syscall.ENOSYS)
	}
	end, r.Text, err = relayer.DialRelay(ctx)
	return r, end, err
}
