//go:build linux

package mailproof

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// from connects to a service as another peer, through the listener that a gateway has.
func (d *daemon) from(peer, service string) *typist {
	d.t.Helper()
	var addr string
	for i, s := range services {
		if s == service {
			addr = d.listeners[len(services)+i].Addr().String()
		}
	}
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(proxyHeader(peer)); err != nil {
		d.t.Fatal(err)
	}
	return &typist{conn, bufio.NewReader(conn)}
}

// greeting is the first line that a service says.
func (d *daemon) greeting(c *typist) string {
	d.t.Helper()
	line, err := c.line()
	if err != nil {
		d.t.Fatal(err)
	}
	return line
}

// wantServed demands that somebody else can send, and read by POP3 and IMAP.
func (d *daemon) wantServed(peer, user string) {
	d.t.Helper()
	for service, dialogue := range map[string][][2]string{
		"smtp": {{"", "220 "}, {"HELO x", "250 "}, {"MAIL FROM:<util2>", "250 "}, {"RCPT TO:<" + user + ">", "250 "},
			{"DATA", "354 "}, {"Subject: served\r\n\r\nend of served\r\n.", "250 "}, {"QUIT", "221 "}},
		"pop3": {{"", "+OK"}, {"USER " + user, "+OK"}, {"PASS " + password, "+OK"}, {"STAT", "+OK"}, {"QUIT", "+OK"}},
		"imap": {{"", "* OK"}, {"t LOGIN " + user + " " + password, "t OK"}, {"t SELECT INBOX", "t OK"}, {"t NOOP", "t OK"}, {"t LOGOUT", "t OK"}},
	} {
		c := d.from(peer, service)
		for _, turn := range dialogue {
			var err error
			if turn[0] == "" {
				_, err = c.upTo(turn[1])
			} else {
				_, err = c.say(turn[0], turn[1])
			}
			if err != nil {
				d.t.Fatalf("%s is not served at %s: %q: %v", peer, service, turn[0], err)
			}
		}
		c.Close()
	}
}

// memory is what the daemon holds, in MiB, and peak the most that it ever held.
func (d *daemon) memory() float64 { return d.status("VmRSS:") }
func (d *daemon) peak() float64   { return d.status("VmHWM:") }

func (d *daemon) status(name string) float64 {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		d.t.Skip("no /proc here")
	}
	var kib float64
	_, rest, _ := strings.Cut(string(text), name)
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		d.t.Fatal(err)
	}
	return kib / 1024
}

// TestCrowdOfOne: a peer that opens more connections than one may have is told so in the protocol's words, and nobody
// else notices.
func TestCrowdOfOne(t *testing.T) {
	d := startDaemon(t, settings{})
	for service, words := range map[string]string{"smtp": "421 4.7.0 ", "pop3": "-ERR [SYS/TEMP] ", "imap": "* BYE "} {
		for range 200 {
			if line := d.greeting(d.from("10.9.0.3", service)); strings.HasPrefix(line, words) {
				t.Fatalf("%s: turned away too early: %q", service, line)
			}
		}
		c := d.from("10.9.0.3", service)
		if line := d.greeting(c); !strings.HasPrefix(line, words) {
			t.Errorf("%s: the 201st is greeted with %q", service, line)
		}
		if line, err := c.line(); err == nil {
			t.Errorf("%s: the 201st goes on: %q", service, line)
		}
	}
	d.wantServed("10.9.0.4", "util1")
}

// TestThousandIdle: a thousand sessions that do nothing cost little, and the others are served. One more is told so.
func TestThousandIdle(t *testing.T) {
	d := startDaemon(t, settings{})
	before := d.memory()
	var idle []*typist
	for i := range 990 {
		c := d.from(fmt.Sprintf("10.9.1.%d", i/190), "imap")
		d.greeting(c)
		for _, text := range []string{"t LOGIN util1 " + password, "t SELECT INBOX"} {
			if _, err := c.say(text, "t OK"); err != nil {
				t.Fatal(i, err)
			}
		}
		idle = append(idle, c)
	}
	d.wantServed("10.9.0.4", "util2")
	full := d.memory()
	t.Logf("idle %.1f MiB, with 990 IMAP sessions %.1f MiB", before, full)
	if full > 64 && !underRace {
		t.Errorf("990 idle sessions take %.1f MiB", full)
	}
	for in, late := 0, time.Now().Add(patience); in < 10; { // who was served has left when the daemon has put the session away
		if line := d.greeting(d.from("10.9.0.5", "imap")); strings.HasPrefix(line, "* OK ") {
			in++
		} else if time.Now().After(late) {
			t.Fatalf("%d of the last ten are let in, then %q", in, line)
		}
	}
	if line := d.greeting(d.from("10.9.0.6", "imap")); !strings.HasPrefix(line, "* BYE ") {
		t.Errorf("the 1001st is greeted with %q", line)
	}
	for i, c := range idle { // they are still there
		if i%97 == 0 {
			if _, err := c.say("t NOOP", "t OK"); err != nil {
				t.Errorf("session %d: %v", i, err)
			}
		}
	}
}

// TestSlowAndSilent: clients that send an octet now and then, that say nothing, that break off, do not keep others from
// being served.
func TestSlowAndSilent(t *testing.T) {
	d := startDaemon(t, settings{})
	var slow []*typist
	for at, service := range services {
		for i := range 100 {
			slow = append(slow, d.from("10.9.0.7", service))
			c := d.from("10.9.0.8", service)
			if i%2 == 0 {
				_ = c.Conn.(*net.TCPConn).SetLinger(0) // resets the connection
				c.Close()
			}
		}
		for range 90 { // from inside, and says nothing
			conn, err := net.Dial("tcp", d.listeners[at].Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
	}
	for _, octet := range []string{"N", "O", "O", "P", " ", "x"} {
		for _, c := range slow {
			if _, err := c.Write([]byte(octet)); err != nil {
				t.Fatal(err)
			}
		}
		d.wantServed("10.9.0.4", "util1")
	}
}

// TestManyCopies: a message of 10 MB for nineteen is held once, at once or from the queue.
func TestManyCopies(t *testing.T) {
	for way, more := range map[string]string{"at once": "", "from the queue": forwarder} {
		t.Run(way, func(t *testing.T) {
			d := startDaemon(t, settings{})
			if more != "" {
				d.forward(forwarder, "\\"+forwarder+", util9\n")
			}
			s := newSender("many", d.addr("smtp"), newLedger(), 0)
			defer s.hangUp()
			m := letter{id: "many", body: strings.Repeat(strings.Repeat("x", 70)+"\r\n", 139_000)}
			for n := range accounts {
				m.to = append(m.to, fmt.Sprintf("util%d", n+1))
			}
			if err := s.send(m); err != nil {
				t.Fatal(err)
			}
			d.awaitQueue()
			for _, user := range m.to {
				text, err := os.ReadFile(d.spool(user))
				if err != nil || !bytes.HasSuffix(text, []byte("\nend of many\n\n")) || len(text) < 9_800_000 {
					t.Errorf("%s has %d octets, %v", user, len(text), err)
				}
			}
			t.Logf("most: %.1f MiB", d.peak())
			if d.peak() > 64 && !underRace {
				t.Errorf("the daemon took %.1f MiB", d.peak())
			}
		})
	}
}

// TestDeafReader: a client that asks for everything and reads nothing holds up nobody, not even on the same mailbox.
func TestDeafReader(t *testing.T) {
	d := startDaemon(t, settings{})
	s := newSender("big", d.addr("smtp"), newLedger(), 0)
	defer s.hangUp()
	for range 120 {
		if err := s.send(letter{id: "big", to: []string{"util1"}, n: 16 + 30*17}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		c := d.from("10.9.0.7", "imap")
		for _, text := range []string{"t LOGIN util1 " + password, "t SELECT INBOX"} {
			if _, err := c.say(text, "t OK"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fmt.Fprintf(c, "t FETCH 1:* (FLAGS BODY[])\r\n"); err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 { // one octet, so that it has begun
			if _, err := c.in.ReadByte(); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.wantServed("10.9.0.4", "util1")
	c := d.from("10.9.0.4", "imap")
	for _, text := range []string{"t LOGIN util1 " + password, "t SELECT INBOX", "t STORE 1:60 +FLAGS (\\Deleted)", "t EXPUNGE"} {
		if _, err := c.say(text, "t OK"); err != nil {
			t.Fatal(text, err)
		}
	}
	d.wantServed("10.9.0.4", "util1")
	info, err := os.Stat(d.spool("util1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("mailbox of %d MiB, daemon of %.1f MiB", info.Size()>>20, d.memory())
	if m := d.memory(); m > 64 && !underRace {
		t.Errorf("the daemon takes %.1f MiB", m)
	}
}

// TestTenThousand: a peer that opens ten thousand connections, and keeps its end of each, starves nobody.
func TestTenThousand(t *testing.T) {
	const knocks = 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < knocks+1000 {
		t.Skipf("only %d files may be open: %v", limit.Cur, err)
	}
	d := startDaemon(t, settings{})
	words := map[string]string{"smtp": "421 4.7.0 ", "pop3": "-ERR [SYS/TEMP] ", "imap": "* BYE "}
	away := 0
	for i := range knocks {
		service := services[i%len(services)]
		if line := d.greeting(d.from("10.9.0.3", service)); strings.HasPrefix(line, words[service]) {
			away++
		}
		if i%1000 == 999 {
			d.wantServed("10.9.0.4", "util1")
		}
	}
	if want := knocks - 3*200; away != want {
		t.Errorf("%d were turned away, want %d", away, want)
	}
	t.Logf("daemon of %.1f MiB", d.memory())
	if m := d.memory(); m > 64 && !underRace {
		t.Errorf("the daemon takes %.1f MiB", m)
	}
}
