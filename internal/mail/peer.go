package mail

import (
	"net"
	"net/netip"
)

// Peer is who is at the other end of a connection. The zero value is somebody without an address: a program in the sandbox.
type Peer struct {
	Remote netip.AddrPort
	Local  netip.AddrPort // where the client connected to
	Known  string         `json:",omitempty"` // the name that a lookup proved to be the client's; "" is none
}

// PeerOf reads a connection's addresses.
func PeerOf(c net.Conn) Peer {
	return Peer{Remote: addrPort(c.RemoteAddr()), Local: addrPort(c.LocalAddr())}
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		at := tcp.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return netip.AddrPort{}
}

// Host is the remote address without its port, "" where there is none.
func (p Peer) Host() string {
	if !p.Remote.IsValid() {
		return ""
	}
	return p.Remote.Addr().WithZone("").String()
}

// Loopback tells whether the client is on this machine.
func (p Peer) Loopback() bool { return !p.Remote.IsValid() || p.Remote.Addr().IsLoopback() }

// Name is what Postfix calls a client: by its name, where a lookup proved one, else "localhost" or "unknown".
func (p Peer) Name() string {
	switch {
	case p.Known != "":
		return p.Known
	case p.Loopback():
		return "localhost"
	}
	return "unknown"
}

// String is the form of Postfix's log: "unknown[172.17.0.1]".
func (p Peer) String() string {
	if !p.Remote.IsValid() {
		return "unknown[unknown]"
	}
	return p.Name() + "[" + p.Host() + "]"
}

// Recorder takes down one connection's conversation. Secrets come masked, telnet negotiation and line ends taken off.
type Recorder interface {
	Client(line string) // a command line
	Server(line string) // a reply line
	Data(bytes int)     // octets of a message passed, in place of their lines
	Account(name string)
	Close()
}

// Discard is the Recorder of a connection that is not recorded.
type Discard struct{}

// Client takes nothing.
func (Discard) Client(string) {}

// Server takes nothing.
func (Discard) Server(string) {}

// Data takes nothing.
func (Discard) Data(int) {}

// Account takes nothing.
func (Discard) Account(string) {}

// Close does nothing.
func (Discard) Close() {}
