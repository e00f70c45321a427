package maild

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"maillab/internal/handoff"
	"maillab/internal/mail"
	"maillab/internal/mail/queue"
)

func TestLimits(t *testing.T) {
	for accounts, want := range map[int]crowdLimits{1: {100, 200, 1000}, 300: {100, 1200, 1500}, 999: {100, 3996, 4995}} {
		if got := limits(accounts); got != want {
			t.Errorf("%d accounts: %v, want %v", accounts, got, want)
		}
	}
}

// TestCrowd: neither one account inside, nor one address outside, takes what the others need.
func TestCrowd(t *testing.T) {
	c := newCrowd(crowdLimits{account: 2, address: 3, service: 6})
	enter := func(k knocker, want bool) (leave func()) {
		t.Helper()
		leave, ok := c.enter("imap", k)
		if ok != want {
			t.Fatalf("%v gets in: %v, want %v", k, ok, want)
		}
		return leave
	}
	one, two, out := knocker{"uid 1", true}, knocker{"uid 2", true}, knocker{"192.0.2.9", false}
	leave := enter(one, true)
	enter(one, true)
	enter(one, false)
	enter(two, true)
	for range 3 {
		enter(out, true)
	}
	enter(out, false)
	enter(two, false) // full
	if _, ok := c.enter("pop3", two); !ok {
		t.Error("another service is full, too")
	}
	leave()
	enter(two, true)
	enter(two, false)
}

func TestIsInside(t *testing.T) {
	for _, test := range []struct {
		from, to string
		want     bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"10.0.0.3", "10.0.0.3", true},
		{"10.0.0.3", "127.0.0.1", true}, // its own address, bound by hand
		{"::1", "::1", true},
		{"10.0.0.1", "10.0.0.3", false},
	} {
		if got := isInside(netip.MustParseAddr(test.from), netip.MustParseAddr(test.to)); got != test.want {
			t.Errorf("%s to %s: %v", test.from, test.to, got)
		}
	}
}

// TestCounted: a connection from inside is its user's, one that the gateway relays its real peer's.
func TestCounted(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells whose socket it is")
	}
	ours := &Daemon{people: &people{byUID: map[int]queue.Account{os.Getuid(): {Name: "util1"}}}}
	systems := &Daemon{people: &people{}}
	for _, network := range []struct{ listen, dial string }{{"127.0.0.1:0", "127.0.0.1"}, {":0", "127.0.0.1"}, {"[::1]:0", "::1"}} {
		l, err := net.Listen("tcp", network.listen)
		if err != nil {
			t.Logf("%s: %v", network.listen, err) // no IPv6
			continue
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		client, err := net.Dial("tcp", net.JoinHostPort(network.dial, port))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if got, want := ours.counted(server), (knocker{"util1", true}); got != want {
			t.Errorf("%s: %v, want %v", network.listen, got, want)
		}
		if got, want := systems.counted(server), (knocker{network.dial, false}); got != want {
			t.Errorf("%s, without an account: %v, want %v", network.listen, got, want)
		}
		real := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 1}
		if got, want := ours.counted(&handoff.Conn{Conn: server, Offer: handoff.Offer{Peer: mail.Peer{Remote: real.AddrPort()}}}), (knocker{"192.0.2.9", false}); got != want {
			t.Errorf("relayed: %v, want %v", got, want)
		}
	}
}

// TestTurnedAway: idle connections fill a share, and the next one is told in the protocol's words.
func TestTurnedAway(t *testing.T) {
	b := start(t, 2)
	b.crowd.mu.Lock()
	b.crowd.limits = crowdLimits{account: 2, address: 2, service: 10}
	b.crowd.mu.Unlock()
	for range 2 {
		b.telnet("pop3")
	}
	conn, err := net.Dial("tcp", b.addresses["pop3"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "-ERR [SYS/TEMP] Too many connections") {
		t.Errorf("%q, %v", line, err)
	}
}
