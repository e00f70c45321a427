package mail

import (
	"net"
	"net/netip"
	"testing"
)

// at is a connection from somewhere.
type at struct {
	net.Conn
	remote net.Addr
}

func (c at) RemoteAddr() net.Addr { return c.remote }
func (c at) LocalAddr() net.Addr  { return &net.UnixAddr{} }

// TestPeers names the clients as Postfix does whose addresses are not looked up.
func TestPeers(t *testing.T) {
	for addr, want := range map[string]string{
		"172.17.0.1:25":         "unknown[172.17.0.1]",
		"127.0.0.1:25":          "localhost[127.0.0.1]",
		"[::1]:25":              "localhost[::1]",
		"[::ffff:127.0.0.1]:25": "localhost[127.0.0.1]",
		"[fe80::1%eth0]:25":     "unknown[fe80::1]",
	} {
		if got := PeerOf(at{remote: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))}).String(); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
	if got := PeerOf(at{remote: &net.UnixAddr{Name: "pipe"}}).String(); got != "unknown[unknown]" {
		t.Errorf("a pipe: %s", got)
	}
}
