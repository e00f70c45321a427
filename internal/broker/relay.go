//go:build linux

package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"maillab/internal/between"
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

// The class's SpamAssassin is reached the same way:
//
//	{"id":22,"op":"filter"}                                         → {"id":22} + the end of a connection
const opFilter = "filter"

// Filterer is a Backend that can connect to the class's SpamAssassin.
type Filterer interface {
	DialFilter(ctx context.Context) (end *os.File, err error)
}

// DialFilter connects to the class's SpamAssassin.
func (c *Client) DialFilter(ctx context.Context) (net.Conn, error) {
	a, err := c.ask(ctx, request{Op: opFilter}, nil)
	if err != nil {
		return nil, err
	}
	if a.file == nil {
		return nil, errors.New("spamd: the answer holds no connection")
	}
	return handoff.FileConn(a.file)
}

func (s *session) filter(ctx context.Context) (*os.File, error) {
	filterer, ok := s.backend.(Filterer)
	if !ok {
		return nil, fmt.Errorf("spamd: %w", syscall.ENOSYS)
	}
	return filterer.DialFilter(ctx)
}

// In a lab between servers, another student's server is asked for the same way, by its domain or its address:
//
//	{"id":23,"op":"neighbour","to":"bob.lab","service":"smtp"}      → {"id":23,"text":"198.18.0.2","domain":"bob.lab"} + the end of a connection
const opNeighbour = "neighbour"

// Neighbours is a Backend that knows other students' servers.
type Neighbours interface {
	// Neighbour connects to a service; with service "" it only tells whose server it is.
	Neighbour(ctx context.Context, to, service string) (end *os.File, who between.Server, err error)
}

// Neighbour implements between.Ask. The connection's peer is the server's address.
func (c *Client) Neighbour(ctx context.Context, to, service string) (net.Conn, between.Server, error) {
	a, err := c.ask(ctx, request{Op: opNeighbour, To: to, Service: service}, nil)
	if errors.Is(err, syscall.ENOENT) {
		err = between.ErrNobody
	}
	if err != nil {
		return nil, between.Server{}, err
	}
	who := between.Server{Domain: a.reply.Domain}
	if who.Address, err = netip.ParseAddr(a.reply.Text); err == nil && service != "" && a.file == nil {
		err = errors.New("neighbour: the answer holds no connection")
	}
	if err != nil || a.file == nil {
		closeFile(a.file)
		return nil, who, err
	}
	conn, err := handoff.FileConn(a.file)
	if err != nil {
		return nil, who, err
	}
	peer := mail.Peer{Remote: netip.AddrPortFrom(who.Address, 25)}
	return &handoff.Conn{Conn: conn, Offer: handoff.Offer{Service: service, Peer: peer}}, who, nil
}

func (s *session) neighbour(ctx context.Context, req request) (r reply, end *os.File, err error) {
	neighbours, ok := s.backend.(Neighbours)
	if !ok {
		return r, nil, fmt.Errorf("neighbours: %w", syscall.ENOSYS)
	}
	end, who, err := neighbours.Neighbour(ctx, req.To, req.Service)
	r.Text, r.Domain = who.Address.String(), who.Domain
	return r, end, err
}
