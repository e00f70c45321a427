package maild

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"maillab/internal/between"
	"maillab/internal/handoff"
	"maillab/internal/mail"
	"maillab/internal/spec"
)

// street is some daemons that ask each other without a gateway.
type street struct {
	t       *testing.T
	daemons map[string]*sandboxed // by domain
	seats   map[string]int
	down    map[string]bool
	forget  func() // lets time pass, until no name server remembers an answer
}

func newStreet(t *testing.T, names ...string) *street {
	return newStreetWith(t, func(*Config) {}, names...)
}

// newStreetWith is a street whose daemons are set up otherwise.
func newStreetWith(t *testing.T, change func(*Config), names ...string) *street {
	s := &street{t: t, daemons: map[string]*sandboxed{}, seats: map[string]int{}, down: map[string]bool{}}
	for i, name := range names {
		s.seats[name+".lab"] = i + 1
	}
	for name, seat := range s.seats {
		s.daemons[name] = start(t, 1, func(c *Config) {
			c.Spec.Seat = seat
			c.Spec.Hostname, c.Spec.Domain, c.Spec.Locals = "mx."+name, name, []string{name, "mx." + name, "localhost"}
			c.Spec.Between = &spec.Between{Parent: "lab", Address: between.Address(seat).String(), Owner: "util1"}
			c.Ask = func(ctx context.Context, to, service string) (net.Conn, between.Server, error) {
				return s.ask(ctx, seat, to, service)
			}
			change(c)
		})
	}
	return s
}

func (s *street) ask(ctx context.Context, asker int, to, service string) (net.Conn, between.Server, error) {
	for domain, seat := range s.seats {
		who := between.Server{Domain: domain, Address: between.Address(seat)}
		if to != domain && to != who.Address.String() {
			continue
		}
		if service == "" {
			return nil, who, nil
		}
		if s.down[domain] {
			return nil, who, fmt.Errorf("it is down: %w", syscall.ECONNREFUSED)
		}
		here, there := net.Pipe()
		peer := mail.Peer{Remote: netip.AddrPortFrom(between.Address(asker), 50000), Local: netip.AddrPortFrom(who.Address, 25)}
		go s.daemons[domain].Serve(context.WithoutCancel(ctx), service, &handoff.Conn{Conn: there, Offer: handoff.Offer{Service: service, Peer: peer, Neighbour: true}})
		return &handoff.Conn{Conn: here, Offer: handoff.Offer{Peer: mail.Peer{Remote: netip.AddrPortFrom(who.Address, 25)}}}, who, nil
	}
	return nil, between.Server{}, between.ErrNobody
}

// zone writes an owner's zone file.
func (s *street) zone(domain, text string) {
	s.t.Helper()
	home := filepath.Join(s.daemons[domain].dir, "users", "home", "util1")
	if err := errors.Join(os.MkdirAll(home, 0o700), os.WriteFile(filepath.Join(home, "zone"), []byte(text), 0o600)); err != nil {
		s.t.Fatal(err)
	}
}

// logged waits for a line of a daemon's log that has all of some texts.
func (s *street) logged(domain string, texts ...string) {
	s.t.Helper()
	b := s.daemons[domain]
	b.wait(fmt.Sprintf("%q in the log of %s", texts, domain), func() bool {
		for line := range strings.Lines(b.log(s.t)) {
			all := true
			for _, text := range texts {
				all = all && strings.Contains(line, text)
			}
			if all {
				return true
			}
		}
		return false
	})
}

// TestBetweenServers: mail passes from one student's server to another's, and both logs name both; what nobody can have
// comes back.
func TestBetweenServers(t *testing.T) {
	s := newStreet(t, "alice", "bob")
	alice := s.daemons["alice.lab"]
	if err := smtp.SendMail(alice.addresses["smtp"], nil, "util1@alice.lab", []string{"util1@bob.lab", "util1@carol.lab"}, []byte("Subject: x\r\n\r\nhello\r\n")); err != nil {
		t.Fatal(err)
	}
	s.logged("alice.lab", "to=<util1@bob.lab>, relay=mx.bob.lab[198.18.0.2]:25,", "status=sent (250 2.0.0 Ok: queued as ")
	s.logged("alice.lab", "to=<util1@carol.lab>, relay=none,", "dsn=5.4.4, status=bounced (Host or domain name not found. Name service error for name=carol.lab type=A: Host not found)")
	s.logged("bob.lab", ": client=mx.alice.lab[198.18.0.1]")
	s.logged("bob.lab", "to=<util1@bob.lab>, relay=local,", "status=sent (delivered to mailbox)")
	if box := s.daemons["bob.lab"].box("util1"); !strings.Contains(box, "Received: from mx.alice.lab (mx.alice.lab [198.18.0.1])\n\tby mx.bob.lab (Postfix) with ESMTP") {
		t.Errorf("bob has\n%s", box)
	}
	alice.wait("the bounce", func() bool {
		return strings.Contains(alice.box("util1"), "<util1@carol.lab>: Host or domain name not found.")
	})
}

// TestNobodyRelaysForNeighbours: a neighbour's mail is for this server's own people; those who are inside may write to anybody.
func TestNobodyRelaysForNeighbours(t *testing.T) {
	s := newStreet(t, "alice", "bob", "carol")
	conn, _, err := s.daemons["alice.lab"].neighbours.ask(t.Context(), "bob.lab", between.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	client, err := smtp.NewClient(conn, "mx.bob.lab")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := errors.Join(client.Mail("util1@alice.lab"), client.Rcpt("util1@bob.lab")); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"util1@carol.lab", "util1@example.com", "util1%carol.lab@bob.lab"} {
		if err := client.Rcpt(to); err == nil || !strings.Contains(err.Error(), "5.7.1 <"+to+">: Relay access denied") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// TestNames: a client is called by its address's name only if that leads back to it.
func TestNames(t *testing.T) {
	s := newStreet(t, "alice", "bob")
	s.zone("alice.lab", "@ MX 10 mx\nmx 0 A 198.18.0.2\n")
	greet := func() {
		conn, _, err := s.daemons["alice.lab"].neighbours.ask(t.Context(), "bob.lab", between.SMTP)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "220 mx.bob.lab ") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	greet()
	s.logged("bob.lab", "warning: hostname mx.alice.lab does not resolve to address 198.18.0.1\n")
	s.logged("bob.lab", "connect from unknown[198.18.0.1]")
	s.zone("alice.lab", "@ MX 10 mx\nmx 0 A 198.18.0.2\nmx 0 A 198.18.0.1\n")
	greet()
	s.logged("bob.lab", "connect from mx.alice.lab[198.18.0.1]")
	s.zone("alice.lab", "@ MX mx\n")
	greet()
	s.logged("bob.lab", "warning: hostname mx.alice.lab does not resolve to address 198.18.0.1: Name or service not known")
	s.logged("alice.lab", "named[53]: zone:1: an MX record holds a preference and a name")
}

// TestANeighbourIsDown: mail for it waits; who connects by hand hears that nobody is there.
func TestANeighbourIsDown(t *testing.T) {
	s := newStreet(t, "alice", "bob")
	s.down["bob.lab"] = true
	alice := s.daemons["alice.lab"]
	if err := smtp.SendMail(alice.addresses["smtp"], nil, "util1@alice.lab", []string{"util1@bob.lab"}, []byte("Subject: x\r\n\r\nhello\r\n")); err != nil {
		t.Fatal(err)
	}
	s.logged("alice.lab", "to=<util1@bob.lab>, relay=none,", "dsn=4.4.3, status=deferred (Host or domain name not found. Name service error for name=bob.lab type=MX: Host not found, try again)")
	here, there := tcpPair(t)
	alice.passOn(t.Context(), there, between.Address(2))
	if n, err := here.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("by hand: %d, %v", n, err)
	}
}

// TestPassingOn: what a program of the sandbox's connects to at a neighbour's address speaks with that neighbour, to the last word.
func TestPassingOn(t *testing.T) {
	s := newStreet(t, "alice", "bob")
	here, there := tcpPair(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.daemons["alice.lab"].passOn(t.Context(), there, between.Address(2))
	}()
	fmt.Fprint(here, "helo pv\r\nquit\r\n")
	in := bufio.NewReader(here)
	for _, want := range []string{"220 mx.bob.lab ", "250 mx.bob.lab\r\n", "221 2.0.0 Bye\r\n"} {
		if line, err := in.ReadString('\n'); !strings.HasPrefix(line, want) {
			t.Errorf("%q, %v, want %q", line, err, want)
		}
	}
	if rest, err := in.ReadString('\n'); rest != "" || err == nil {
		t.Errorf("after the last word: %q, %v", rest, err)
	}
	<-done
}

func tcpPair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if here, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if there, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}
