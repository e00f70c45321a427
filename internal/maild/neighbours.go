package maild

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"

	"maillab/internal/between"
	"maillab/internal/grading"
	"maillab/internal/mail"
	maillog "maillab/internal/mail/log"
	"maillab/internal/mail/queue"
	"maillab/internal/mail/senders"
	"maillab/internal/nameserver"
	"maillab/internal/spec"
	"maillab/internal/zone"
)

// neighbours is what the daemon has where it is one among those of the other students: a name server (package nameserver), by which
// its queue finds domains and who comes is called by the name that the address has; who judges their mail and signs its own
// (package senders); and the way to theirs. It is nil where a server is alone.
type neighbours struct {
	cfg   Config
	log   *maillog.Log
	names *nameserver.Server
	judge *senders.Judge
}

// zoneBox is the box of an owner's zone file.
const zoneBox = "~/zone"

func newNeighbours(cfg Config, log *maillog.Log, faults *faults) *neighbours {
	b := cfg.Spec.Between
	if b == nil || cfg.Ask == nil {
		return nil
	}
	n := &neighbours{cfg: cfg, log: log}
	n.names = nameserver.New(nameserver.Config{
		Domain: cfg.Spec.Domain, Host: cfg.Spec.Hostname, Address: ownAddress(cfg.Spec), Parent: b.Parent,
		File: func(ctx context.Context, limit int64) ([]byte, error) {
			return readBox(ctx, cfg.Files, b.Owner, zoneBox, limit)
		},
		Ask: n.ask, Warn: log.Named, Now: cfg.Now, Late: faults.slowly, Exchanger: faults.exchanger,
	})
	n.judge = &senders.Judge{Host: cfg.Spec.Hostname, Parent: b.Parent, Names: n.names}
	return n
}

// ownAddress is a server's address as its neighbours see it; the invalid one where it has none.
func ownAddress(s spec.Sandbox) netip.Addr {
	if s.Between == nil {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddr(s.Between.Address)
	return a
}

// domain is the server's own, of which the student's lab command is told; nil where there is none.
func (n *neighbours) domain() grading.Domain {
	if n == nil {
		return nil // and not an interface that holds nil
	}
	return n
}

// Zone implements grading.Domain.
func (n *neighbours) Zone(ctx context.Context) (zone.Report, error) { return n.names.Report(ctx) }

// Signing implements grading.Domain.
func (n *neighbours) Signing(ctx context.Context) senders.Report {
	s, key, problems := n.signing(ctx)
	return n.judge.Report(ctx, s, key, problems)
}

// Explain implements grading.Domain.
func (n *neighbours) Explain(ctx context.Context, message []byte) []senders.Step {
	return n.judge.Explain(ctx, message)
}

// ask is Config.Ask for who waits until the neighbour takes the connection.
func (n *neighbours) ask(ctx context.Context, to, service string) (net.Conn, between.Server, error) {
	conn, who, err := n.cfg.Ask(ctx, to, service)
	if err != nil || conn == nil {
		return conn, who, err
	}
	if err := between.Taken(ctx, conn); err != nil {
		return nil, who, err
	}
	return conn, who, nil
}

// equip makes a queue's configuration one of a server that has neighbours.
func (n *neighbours) equip(c queue.Config) queue.Config {
	if n == nil {
		return c
	}
	c.Parent, c.Names = n.cfg.Spec.Between.Parent, n.names
	elsewhere := c.Dial
	if elsewhere == nil {
		elsewhere = new(net.Dialer).DialContext
	}
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		to, err := netip.ParseAddrPort(address)
		if err != nil || to.Port() != 25 || !between.Range().Contains(to.Addr()) {
			return elsewhere(ctx, network, address)
		}
		conn, _, err := n.ask(ctx, to.Addr().String(), between.SMTP)
		if errors.Is(err, between.ErrNobody) { // as to any address that nobody has
			<-ctx.Done()
			err = ctx.Err()
		}
		return conn, err
	}
	return c
}

// ServeNames answers the sandbox's own programs' questions until ctx ends. Without neighbours there is nothing to answer.
func (d *Daemon) ServeNames(ctx context.Context, packets net.PacketConn, streams net.Listener) error {
	if d.neighbours == nil {
		packets.Close()
		return streams.Close()
	}
	return d.neighbours.names.Serve(ctx, packets, streams)
}

// meant is the neighbour whose port 25 a program of the sandbox's own has connected to.
func (n *neighbours) meant(service string, conn net.Conn) (netip.Addr, bool) {
	to := addrPort(conn.LocalAddr()).Addr()
	_, direct := conn.(*net.TCPConn)
	return to, direct && n != nil && service == between.SMTP && between.Range().Contains(to)
}

// passOn connects a program of the sandbox's own to a neighbour, and copies until both have said all.
func (d *Daemon) passOn(ctx context.Context, conn net.Conn, to netip.Addr) {
	defer conn.Close()
	leave, ok := d.crowd.enter("passing", d.counted(conn))
	if !ok {
		return
	}
	defer leave()
	neighbour, _, err := d.neighbours.ask(ctx, to.String(), between.SMTP)
	if err != nil {
		refuse(conn)
		return
	}
	defer neighbour.Close()
	defer context.AfterFunc(ctx, func() { conn.Close(); neighbour.Close() })()
	done := make(chan struct{})
	go func() {
		defer close(done)
		copyHalf(neighbour, conn)
	}()
	copyHalf(conn, neighbour)
	conn.Close() // a server that has closed has the last word
	<-done
}

// copyHalf copies one direction, and closes it at its end.
func copyHalf(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// nameOf is an SMTP client's name, as Postfix looks it up: the address's own, if that leads back to the address.
func (n *neighbours) nameOf(ctx context.Context, peer mail.Peer) string {
	address := peer.Remote.Addr()
	if n == nil || !between.Range().Contains(address) {
		return ""
	}
	name, err := n.names.LookupAddr(ctx, address)
	if err != nil {
		return ""
	}
	addresses, err := n.names.LookupIP4(ctx, name)
	for _, a := range addresses {
		if a == address {
			return name
		}
	}
	why := ""
	if err != nil {
		why = "Name or service not known"
	}
	n.log.Unproved(name, address.String(), why)
	return ""
}

// isStranger tells of an SMTP client whether it is a neighbour, for whom nothing is relayed (Postfix's
// reject_unauth_destination): it has not said who it is, and is not this server itself.
func isStranger(s spec.Sandbox, peer mail.Peer, user string) bool {
	a := peer.Remote.Addr()
	return user == "" && a != ownAddress(s) && between.Range().Contains(a)
}
