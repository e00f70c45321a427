package maild

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"maillab/internal/fault"
)

// Limits of connections to one service. Whoever knocks from outside is counted by address, and a whole class may come
// from one; who is inside the sandbox, where all have the same address, is counted by account. So no student can take
// what the others need, alone, from inside; from outside, behind one address with them, he can.
const (
	perAccount = 100  // inside
	perAddress = 200  // outside; on a server with more than 50 accounts, four for each
	perService = 1000 // all together; with more than 200 accounts, five for each
)

// limits are those of a server with so many accounts. The service has room for more than one address may take.
func limits(accounts int) crowdLimits {
	return crowdLimits{account: perAccount, address: max(perAddress, 4*accounts), service: max(perService, 5*accounts)}
}

type crowdLimits struct{ account, address, service int }

// crowd counts the connections that there are.
type crowd struct {
	limits crowdLimits

	mu       sync.Mutex
	services map[string]int
	peers    map[string]int
}

func newCrowd(l crowdLimits) *crowd {
	return &crowd{limits: l, services: map[string]int{}, peers: map[string]int{}}
}

// knocker is who a connection is counted for.
type knocker struct {
	name   string
	inside bool
}

// enter counts a connection in, and returns how to count it out again.
func (c *crowd) enter(service string, k knocker) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := c.limits.address
	if k.inside {
		most = c.limits.account
	}
	name := service + " " + k.name
	if c.services[service] >= c.limits.service || c.peers[name] >= most {
		return nil, false
	}
	c.services[service]++
	c.peers[name]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.services[service]--
		if c.peers[name]--; c.peers[name] == 0 {
			delete(c.peers, name)
		}
	}, true
}

// counted is who is at the other end: the account, when that is in the same sandbox and the kernel tells, else the
// address. Root and the system's daemons have no account.
func (d *Daemon) counted(conn net.Conn) knocker {
	if c, is := conn.(*fault.Conn); is {
		conn = c.NetConn()
	}
	from, to := addrPort(conn.RemoteAddr()), addrPort(conn.LocalAddr())
	if _, direct := conn.(*net.TCPConn); direct && isInside(from.Addr(), to.Addr()) {
		if uid, ok := socketOwner(from, to); ok {
			if account, ok := d.people.byUID[uid]; ok {
				return knocker{account.Name, true}
			}
		}
	}
	return knocker{peerHost(conn.RemoteAddr()), false}
}

// knockerKey is where a connection's context has its knocker.
type knockerKey struct{}

// in is a context that tells who is at the other end.
func (k knocker) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, knockerKey{}, k)
}

// insider is the account whose program is at the other end of a context's connection, "" where the kernel does not tell.
func insider(ctx context.Context) string {
	if k, ok := ctx.Value(knockerKey{}).(knocker); ok && k.inside {
		return k.name
	}
	return ""
}

// isInside tells of a connection's two ends whether both are on this machine.
func isInside(from, to netip.Addr) bool { return from.IsLoopback() || to.IsLoopback() || from == to }

// addrPort is a TCP address; the zero one for any other. A listener for both families has IPv4 addresses mapped.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// peerHost is an address without its port.
func peerHost(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}
