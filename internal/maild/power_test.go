package maild

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"maillab/internal/between"
	"maillab/internal/control"
	"maillab/internal/worksheet"
)

func (b *sandboxed) turn(run bool) {
	b.t.Helper()
	if s, err := b.grading.Desk().Server(&run); err != nil || s.Running != run {
		b.t.Fatalf("running %t: %+v, %v", run, s, err)
	}
}

// port is a listener of a service on a port that was asked for, as 25, 110 and 143 are: on one that the kernel chose it would not
// listen again. Its address is nobody else's.
func (b *sandboxed) port(service string, number int) string {
	b.t.Helper()
	pid := os.Getpid()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.7:%d", 64+pid>>8&63, pid&255, number))
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Listen(ctx, l, service)
	}()
	b.t.Cleanup(func() {
		cancel()
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

func alone(c *Config) { c.Spec.Seat, c.Spec.Stoppable = 1, true }

// TestStopped: a server that its student has stopped breaks off who is there, refuses who comes, and keeps what programs hand in
// until it is started again; probes and the lab command are answered meanwhile.
func TestStopped(t *testing.T) {
	b := start(t, 2, alone)
	ports := map[string]string{"smtp": b.port("smtp", 2525), "pop3": b.port("pop3", 1110), "imap": b.port("imap", 1143)}
	open, err := textproto.Dial("tcp", ports["smtp"])
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if _, _, err := open.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	b.turn(false)
	if _, text, err := open.ReadResponse(421); err != nil {
		t.Errorf("who was there is told %q, %v", text, err)
	}
	for service, address := range ports {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v", service, err)
		}
	}
	if err := b.Daemon.Send(t.Context(), control.Send{To: []string{"util2"}, Raw: []byte("Subject: kept\n\nhello\n")}); err != nil {
		t.Fatal(err)
	}
	if s, err := b.grading.Desk().Server(nil); err != nil || s != (worksheet.Server{Waiting: 1}) || b.count("util2") != 0 {
		t.Errorf("stopped: %+v, %v; %d messages came", s, err, b.count("util2"))
	}
	here, there := net.Pipe()
	go b.Probe("smtp", there)
	if line, err := textproto.NewConn(here).ReadLine(); err != nil || line != "smtp is served" {
		t.Errorf("a probe is told %q, %v", line, err)
	}
	b.turn(true)
	b.turn(true)
	b.wait("what was kept", func() bool { return b.count("util2") == 1 })
	if err := smtp.SendMail(ports["smtp"], nil, "util1@test", []string{"util2@test"}, []byte("Subject: again\r\n\r\nx\r\n")); err != nil {
		t.Errorf("started again: %v", err)
	}
	log := b.log(t)
	if strings.Count(log, "postfix/master[") != 3 || !strings.Contains(log, "terminating on signal 15") {
		t.Errorf("the log tells of it otherwise:\n%s", log)
	}
}

// TestStoppedStays: a daemon that comes again finds the server as it was left; a reset starts it.
func TestStoppedStays(t *testing.T) {
	dir := t.TempDir()
	t.Run("left", func(t *testing.T) { startIn(t, dir, 1, alone).turn(false) })
	b := startIn(t, dir, 1, alone)
	port := b.port("pop3", 2110)
	b.wait("a port that refuses after a restart", func() bool {
		conn, err := net.Dial("tcp", port)
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	if _, err := (lessons{b.lessons, b.Daemon}).Reset(t.Context(), control.Reset{Scope: "mail"}); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", port)
	if err != nil {
		t.Fatalf("after a reset: %v", err)
	}
	conn.Close()
	if left, err := filepath.Glob(filepath.Join(dir, "state", "stopped*")); len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestWhoMayStop: a server that others share is nobody's to stop, nor one of a lab that does not say so.
func TestWhoMayStop(t *testing.T) {
	no := false
	for what, adjust := range map[string]func(*Config){
		"a shared one":                func(c *Config) { c.Spec.Stoppable = true },
		"one of which it is not said": func(c *Config) { c.Spec.Seat = 1 },
	} {
		b := start(t, 1, adjust)
		if _, err := b.grading.Desk().Server(&no); !errors.Is(err, worksheet.ErrNoServer) || b.power.isOff() {
			t.Errorf("%s: %v, stopped %t", what, err, b.power.isOff())
		}
	}
}

// TestNeighbourIsStopped: mail for a server that is stopped is deferred as by a port at which nobody listens, and comes when it is
// started; its names go on. Who has stopped the own server still reaches the others.
func TestNeighbourIsStopped(t *testing.T) {
	s := newStreet(t, "alice", "bob")
	alice, bob := s.daemons["alice.lab"], s.daemons["bob.lab"]
	bob.turn(false)
	if err := smtp.SendMail(alice.addresses["smtp"], nil, "util1@alice.lab", []string{"util1@bob.lab"}, []byte("Subject: x\r\n\r\nhello\r\n")); err != nil {
		t.Fatal(err)
	}
	s.logged("alice.lab", "postfix/smtp[", "connect to mx.bob.lab[198.18.0.2]:25: Connection refused")
	s.logged("alice.lab", "to=<util1@bob.lab>, relay=none,", "dsn=4.4.1, status=deferred (connect to mx.bob.lab[198.18.0.2]:25: Connection refused)")
	conn, _, err := bob.neighbours.ask(t.Context(), "alice.lab", between.SMTP)
	if err != nil {
		t.Fatalf("bob asks alice: %v", err)
	}
	if _, _, err := textproto.NewConn(conn).ReadResponse(220); err != nil {
		t.Error(err)
	}
	conn.Close()
	bob.turn(true)
	alice.queue.Flush()
	s.logged("alice.lab", "to=<util1@bob.lab>, relay=mx.bob.lab[198.18.0.2]:25,", "status=sent (250 2.0.0 Ok: queued as ")
	if _, ok := bob.cfg.Spec.Account("util1"); !ok || bob.count("util1") != 2 {
		t.Errorf("bob has %d messages", bob.count("util1"))
	}
}

// TestTurned: what hangs on whether the server runs follows before anybody else can stop or start it.
func TestTurned(t *testing.T) {
	var p *power
	turns := ""
	p, err := openPower(t.TempDir(), func(off bool) {
		if p.mu.TryLock() {
			p.mu.Unlock()
			t.Error("another change may overtake this one")
		}
		turns += fmt.Sprint(off, " ")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []bool{false, true, true, false} {
		if err := p.change(off); err != nil {
			t.Error(err)
		}
	}
	if turns != "true false " {
		t.Error(turns)
	}
}
