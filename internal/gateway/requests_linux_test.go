package gateway

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/control"
	"maillab/internal/handoff"
)

// ask asks the gateway on a registration, and waits for its answer.
func ask(t *testing.T, conn *net.UnixConn, p handoff.Packet) (handoff.Packet, *os.File) {
	t.Helper()
	if err := handoff.Send(conn, p, nil); err != nil {
		t.Fatal(err)
	}
	return next(t, conn)
}

// wanting asks for a neighbour.
func wanting(id int, to, service string) handoff.Packet {
	return handoff.Packet{Ask: uint64(id), Neighbour: &handoff.Neighbour{To: to, Service: service}}
}

// TestNeighbours: a server of a lab between servers reaches another's named services, by its domain and by its address, which
// sees the asker's own address; both are told nothing else.
func TestNeighbours(t *testing.T) {
	targets := []control.Target{{Seat: 1, Token: "one", Domain: "alice.lab"}, {Seat: 2, Token: "two", Domain: "bob.lab"}}
	r := newRegistrar(t, targets...)
	alice, bob := r.register("one"), r.register("two")
	r.registered(alice, targets[0])
	r.registered(bob, targets[1])
	for i, to := range []string{"bob.lab", "Bob.Lab", "198.18.0.2"} {
		if err := handoff.Send(alice, wanting(i+1, to, "smtp"), nil); err != nil {
			t.Fatal(err)
		}
		offer, end := next(t, bob)
		answer, file := next(t, alice)
		if diff := cmp.Diff(handoff.Packet{Ask: uint64(i + 1), Address: "198.18.0.2", Domain: "bob.lab"}, answer); diff != "" || file == nil {
			t.Fatalf("%s: a file: %t (-want +got):\n%s", to, file != nil, diff)
		}
		peer := offer.Offer.Peer
		if offer.Offer.Service != "smtp" || peer.Host() != "198.18.0.1" || peer.Local.String() != "198.18.0.2:25" || peer.Remote.Port() < 49152 {
			t.Errorf("%s: bob is offered %+v", to, offer.Offer)
		}
		here, there := stream(t, file), stream(t, end)
		fmt.Fprint(there, "220 mx.bob.lab\r\n")
		if line, err := bufio.NewReader(here).ReadString('\n'); line != "220 mx.bob.lab\r\n" {
			t.Errorf("%s: alice hears %q, %v", to, line, err)
		}
	}
	if p, file := ask(t, alice, wanting(9, "198.18.0.2", "")); p.Domain != "bob.lab" || p.Error != "" || file != nil {
		t.Errorf("who it is: %+v, %v", p, file)
	}
}

func stream(t *testing.T, file *os.File) net.Conn {
	t.Helper()
	conn, err := handoff.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestNoNeighbours: what the lab does not name is not reached, whatever is asked for.
func TestNoNeighbours(t *testing.T) {
	targets := []control.Target{
		{Seat: 1, Token: "one", Domain: "alice.lab"}, {Seat: 2, Token: "two", Domain: "bob.lab"}, // bob has not registered
		{Seat: 3, Token: "three"}, // has no neighbours, and is nobody's
	}
	r := newRegistrar(t, targets...)
	alice, apart := r.register("one"), r.register("three")
	r.registered(alice, targets[0])
	r.registered(apart, targets[2])
	for _, test := range []struct {
		what        string
		conn        *net.UnixConn
		to, service string
		want        syscall.Errno
	}{
		{"a domain that nobody has", alice, "carol.lab", "smtp", syscall.ENOENT},
		{"a seat without a domain", alice, "198.18.0.3", "smtp", syscall.ENOENT},
		{"the gateway's own machine", alice, "127.0.0.1", "smtp", syscall.ENOENT},
		{"a host of the world", alice, "192.0.2.1:25", "smtp", syscall.ENOENT},
		{"a service that does not pass", alice, "bob.lab", "pop3", syscall.ETIMEDOUT},
		{"a neighbour's control", alice, "bob.lab", handoff.Control, syscall.ETIMEDOUT},
		{"a neighbour's SSH", alice, "bob.lab", handoff.SSH, syscall.ETIMEDOUT},
		{"one that is down", alice, "bob.lab", "smtp", syscall.ECONNREFUSED},
		{"somebody's, from a lab of another kind", apart, "bob.lab", "smtp", syscall.ENOENT},
		{"who it is, from there", apart, "198.18.0.2", "", syscall.ENOENT},
	} {
		if p, file := ask(t, test.conn, wanting(5, test.to, test.service)); p.Ask != 5 || syscall.Errno(p.Errno) != test.want || p.Error == "" || file != nil {
			t.Errorf("%s: %+v, a file: %t", test.what, p, file != nil)
		}
	}
}

// TestNeighboursAtOnce: a sandbox has so many connections to others at a time.
func TestNeighboursAtOnce(t *testing.T) {
	targets := []control.Target{{Seat: 1, Token: "one", Domain: "alice.lab"}, {Seat: 2, Token: "two", Domain: "bob.lab"}}
	r := newRegistrar(t, targets...)
	alice, bob := r.register("one"), r.register("two")
	r.registered(alice, targets[0])
	r.registered(bob, targets[1])
	for range neighboursAtOnce {
		_, file := ask(t, alice, wanting(1, "bob.lab", "smtp"))
		_, end := next(t, bob)
		stream(t, file)
		stream(t, end)
	}
	if p, _ := ask(t, alice, wanting(2, "bob.lab", "smtp")); p.Error != "too many connections at once" {
		t.Errorf("one more: %+v", p)
	}
}

// TestFilter: a sandbox is connected to the class's SpamAssassin where there is one, also to one that registers only then, and nobody else is;
// that one reaches nobody.
func TestFilter(t *testing.T) {
	targets := []control.Target{{Seat: 1, Token: "one", Domain: "alice.lab"}, {Seat: 2, Token: "two", Domain: "bob.lab"},
		{Seat: control.WebSeat, Token: "page"}, {Seat: control.FilterSeat, Token: "filter"}}
	r := newRegistrar(t, targets...)
	alice, page := r.register("one"), r.register("page")
	r.registered(alice, targets[0])
	r.registered(page, targets[2])
	if err := handoff.Send(alice, handoff.Packet{Ask: 1, Filter: true}, nil); err != nil {
		t.Fatal(err)
	}
	filter := r.register("filter")
	offer, end := next(t, filter)
	answer, file := next(t, alice)
	if diff := cmp.Diff(handoff.Packet{Ask: 1}, answer); diff != "" || file == nil || offer.Offer.Service != handoff.Filter {
		t.Fatalf("a file: %t, %+v (-want +got):\n%s", file != nil, offer.Offer, diff)
	}
	here, there := stream(t, file), stream(t, end)
	fmt.Fprint(there, "SPAMD/1.5 0 PONG\r\n")
	if line, err := bufio.NewReader(here).ReadString('\n'); line != "SPAMD/1.5 0 PONG\r\n" {
		t.Errorf("alice hears %q, %v", line, err)
	}
	for who, conn := range map[string]*net.UnixConn{"the page": page, "the filter itself": filter} {
		if p, file := ask(t, conn, handoff.Packet{Ask: 2, Filter: true}); p.Error != "the lab has no SpamAssassin" || file != nil {
			t.Errorf("%s: %+v, a file: %t", who, p, file != nil)
		}
	}
	if p, file := ask(t, page, handoff.Packet{Ask: 3, Reach: &handoff.Reach{Seat: control.FilterSeat, Service: "smtp"}}); p.Error != "there is no seat -3" || file != nil {
		t.Errorf("from the page: %+v, a file: %t", p, file != nil)
	}
	for what, p := range map[string]handoff.Packet{"a relay": {Ask: 4, Relay: true}, "a neighbour": wanting(4, "bob.lab", "smtp")} {
		if p, file := ask(t, filter, p); p.Error == "" || file != nil {
			t.Errorf("from the filter, %s: %+v, a file: %t", what, p, file != nil)
		}
	}
}

// TestNoFilter: where the lab has none, nobody is.
func TestNoFilter(t *testing.T) {
	targets := []control.Target{{Seat: 1, Token: "one"}}
	r := newRegistrar(t, targets...)
	alice := r.register("one")
	r.registered(alice, targets[0])
	if p, file := ask(t, alice, handoff.Packet{Ask: 1, Filter: true}); p.Error != "the lab has no SpamAssassin" || file != nil {
		t.Errorf("%+v, a file: %t", p, file != nil)
	}
}
