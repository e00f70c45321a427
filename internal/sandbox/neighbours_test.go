//go:build linux

package sandbox

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNeighbourRules: in a network of its own, port 25 of a neighbour's address leads to the sandbox's own listener, which is
// told whose it was; at all other ports nothing answers though something listens, and nobody comes from such an address.
func TestNeighbourRules(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread, with its network, ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); errors.Is(err, unix.EPERM) {
		t.Skip("a network of its own needs CAP_SYS_ADMIN")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Setenv(EnvBetween, "yes")
	for range 2 { // a container that is started again keeps nothing, but twice must do no harm
		if err := takeDown(); err != nil {
			t.Fatal(err)
		}
	}
	for _, port := range []string{":25", ":110", "0.0.0.0:2500"} {
		listen(t, port)
	}
	const patience = 300 * time.Millisecond
	for _, test := range []struct {
		from, to string
		meant    string // the local address that the listener sees; "" does not get there
	}{
		{"", "127.0.0.1:25", "127.0.0.1:25"},
		{"", "127.0.1.1:110", "127.0.1.1:110"},
		{"", "198.18.0.2:25", "198.18.0.2:25"},
		{"", "198.18.255.254:25", "198.18.255.254:25"},
		{"127.0.0.1:0", "198.18.0.2:25", "198.18.0.2:25"},
		{"", "198.18.0.2:110", ""},
		{"", "198.18.0.2:2500", ""},
		{"127.0.0.1:0", "198.18.0.2:2500", ""},
		{"", "198.18.0.2:26", ""},
		{"", "198.19.0.2:25", ""},
		{"", "192.0.2.25:25", ""},
		{"198.18.0.2:0", "127.0.0.1:25", ""},
		{"198.18.0.2:0", "198.18.0.1:25", ""},
		{"198.18.0.2:0", "198.18.0.2:25", ""},
		{"198.18.0.2:0", "127.0.0.1:2500", ""},
	} {
		got, err := said(test.from, test.to, patience)
		if got != test.meant || (err == nil) != (test.meant != "") {
			t.Errorf("from %q to %s: %q, %v, want %q", test.from, test.to, got, err, test.meant)
		}
		if test.from == "" && err != nil && !os.IsTimeout(err) {
			t.Errorf("to %s: %v, and not the silence of a firewall", test.to, err)
		}
	}
}

// listen tells each client to which address it has come.
func listen(t *testing.T, at string) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			to := conn.LocalAddr().(*net.TCPAddr).AddrPort() // of a listener for both families, mapped
			_, _ = conn.Write([]byte(netip.AddrPortFrom(to.Addr().Unmap(), to.Port()).String()))
			conn.Close()
		}
	}()
}

// said is what a listener says.
func said(from, to string, patience time.Duration) (string, error) {
	dialer := net.Dialer{Timeout: patience}
	if from != "" {
		local, err := net.ResolveTCPAddr("tcp", from)
		if err != nil {
			return "", err
		}
		dialer.LocalAddr = local
	}
	conn, err := dialer.Dial("tcp", to)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * patience))
	text := make([]byte, 64)
	n, err := conn.Read(text)
	return string(text[:n]), err
}
