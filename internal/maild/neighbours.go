package maild

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"

	"maillab/internal/between"
	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/queue"
	"maillab/internal/nameserver"
	"maillab/internal/spec"
	"maillab/internal/zone"
)

// In a lab between servers the daemon is one among those of the other students: it has a name server (package nameserver), its
// queue finds domains by it, what a student's program connects to at a neighbour's address is passed on, and who comes is
// called by the name that the address has.

// zoneBox is the box of an owner's zone file.
const zoneBox = "~/zone"

// newNames makes the name server; nil where there is none.
func (d *Daemon) newNames() *nameserver.Server {
	b := d.cfg.Spec.Between
	if b == nil || d.cfg.Ask == nil {
		return nil
	}
	file := func(ctx context.Context, limit int64) ([]byte, error) {
		return readZone(ctx, d.cfg.Files, b.Owner, limit)
	}
	return nameserver.New(nameserver.Config{
		Domain: d.cfg.Spec.Domain, Host: d.cfg.Spec.Hostname, Address: ownAddress(d.cfg.Spec), Parent: b.Parent,
		File: file, Ask: d.cfg.Ask, Warn: d.log.Named, Now: d.cfg.Now,
	})
}

// ownAddress is a server's address as its neighbours see it; the invalid one where it has none.
func ownAddress(s spec.Sandbox) netip.Addr {
	if s.Between == nil {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddr(s.Between.Address)
	return a
}

// readZone reads an owner's zone file, nil where there is none.
func readZone(ctx context.Context, files mbox.Files, owner string, limit int64) ([]byte, error) {
	f, err := files.Open(ctx, owner, zoneBox, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit))
	if text == nil {
		text = []byte{} // an empty file is a file
	}
	return text, err
}

// domain tells the owner's zone; nil where there is none.
func (d *Daemon) domain() func(context.Context) (zone.Report, error) {
	if d.names == nil {
		return nil
	}
	return d.names.Report
}

// equip makes a queue's configuration one of a server that has neighbours.
func (d *Daemon) equip(c queue.Config, s spec.Sandbox) queue.Config {
	if d.names == nil {
		return c
	}
	c.Parent, c.Names = s.Between.Parent, d.names
	elsewhere := c.Dial
	if elsewhere == nil {
		elsewhere = new(net.Dialer).DialContext
	}
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		to, err := netip.ParseAddrPort(address)
		if err != nil || to.Port() != 25 || !between.Range().Contains(to.Addr()) {
			return elsewhere(ctx, network, address)
		}
		conn, _, err := d.cfg.Ask(ctx, to.Addr().String(), between.SMTP)
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
	if d.names == nil {
		packets.Close()
		return streams.Close()
	}
	return d.names.Serve(ctx, packets, streams)
}

// meant is the neighbour whose port 25 a program of the sandbox's own has connected to.
func (d *Daemon) meant(service string, conn net.Conn) (netip.Addr, bool) {
	to := addrPort(conn.LocalAddr()).Addr()
	_, direct := conn.(*net.TCPConn)
	return to, direct && d.names != nil && service == between.SMTP && between.Range().Contains(to)
}

// passOn connects a program of the sandbox's own to a neighbour, and copies until both have said all.
func (d *Daemon) passOn(ctx context.Context, conn net.Conn, to netip.Addr) {
	defer conn.Close()
	leave, ok := d.crowd.enter("passing", d.counted(conn))
	if !ok {
		return
	}
	defer leave()
	neighbour, _, err := d.cfg.Ask(ctx, to.String(), between.SMTP)
	if err != nil {
		if tcp, is := conn.(*net.TCPConn); is {
			_ = tcp.SetLinger(0) // "Connection reset by peer": nobody is there
		}
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
func (d *Daemon) nameOf(ctx context.Context, peer mail.Peer) string {
	address := peer.Remote.Addr()
	if d.names == nil || !between.Range().Contains(address) {
		return ""
	}
	name, err := d.names.LookupAddr(ctx, address)
	if err != nil {
		return ""
	}
	addresses, err := d.names.LookupIP4(ctx, name)
	for _, a := range addresses {
		if a == address {
			return name
		}
	}
	why := ""
	if err != nil {
		why = "Name or service not known"
	}
	d.log.Unproved(name, address.String(), why)
	return ""
}

// isStranger tells of an SMTP client whether it is a neighbour, for whom nothing is relayed (Postfix's
// reject_unauth_destination): it has not said who it is, and is not this server itself.
func isStranger(s spec.Sandbox, peer mail.Peer, user string) bool {
	a := peer.Remote.Addr()
	return user == "" && a != ownAddress(s) && between.Range().Contains(a)
}
