// Package between is what the servers of different students have to do with each other in a lab that gives each of them a
// domain: the address that stands for a server, the services that pass from one to another, and how one is asked for.
//
// A sandbox has no network. Its neighbours are addresses of Range, which lead nowhere: what connects to one of them on a
// service's port reaches the sandbox's own daemon, which has the gateway connect it (docs/decisions/0080).
package between

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Services that pass between servers; nothing else does.
const (
	SMTP = "smtp" // port 25
	DNS  = "dns"  // a server's own zone, for its neighbours' name servers: messages as on TCP (RFC 1035 section 4.2.2)
)

// Passes tells whether a service may pass between servers.
func Passes(service string) bool { return slices.Contains([]string{SMTP, DNS}, service) }

// bits is the length of Range's prefix.
const bits = 16

// Range is where all servers' addresses are: half of what RFC 2544 sets apart for measuring, which no network routes.
func Range() netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, 0, 0}), bits) }

// MostSeats is how many servers have an address.
const MostSeats = 1<<(32-bits) - 2

// Address is the address of a seat's server, the invalid one where Range has none. It is the seat's for life.
func Address(seat int) netip.Addr {
	if seat < 1 || seat > MostSeats {
		return netip.Addr{}
	}
	a := Range().Addr().As4()
	a[2], a[3] = byte(seat>>8), byte(seat)
	return netip.AddrFrom4(a)
}

// Server is one student's, as others see it. It is JSON in the gateway's answers.
type Server struct {
	Domain  string     `json:"domain"`
	Address netip.Addr `json:"address"`
}

// Ask has the gateway look for a server, by its domain or its address, and connect to a service of it; with service "" it
// only tells who it is, and there is no connection. The error is ErrNobody where no server is called so.
type Ask func(ctx context.Context, to, service string) (net.Conn, Server, error)

// taken is the octet with which a server says that it takes a neighbour's connection. What the gateway connects is a pair of
// sockets that are open at once: without it, a server that is stopped could not be told from one that breaks off.
const taken = '+'

// Take takes a neighbour's connection, before anything is said on it. A server that does not take it closes it.
func Take(conn net.Conn) error {
	_, err := conn.Write([]byte{taken})
	return err
}

// Taken waits until a server takes a connection that Ask made. The error is that of a port at which nobody listens where the
// server closes it instead; the connection is closed then.
func Taken(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	var said [1]byte
	n, err := io.ReadFull(conn, said[:])
	if !stop() && ctx.Err() != nil {
		err = ctx.Err()
	}
	switch {
	case err == nil && said[0] == taken:
		return nil
	case n == 0 && ctx.Err() != nil:
	default:
		err = fmt.Errorf("the neighbour does not take the connection: %w", syscall.ECONNREFUSED)
	}
	_ = conn.Close()
	return err
}

// ErrNobody is the answer where a lab has no such server.
var ErrNobody = errors.New("no server of this lab is called so")
