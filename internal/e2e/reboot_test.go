//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"maillab/internal/deploy"
	"maillab/internal/engine"
)

// TestBackByItself: whatever ends a class (its engine restarted or killed, the machine's power), it is back when the
// machine is, without anybody typing anything: doors, mail with its UIDs, passwords, host keys. Then nothing is to be done.
func TestBackByItself(t *testing.T) {
	m := newMachine(t)
	c := newClass(t, "reboot")
	c.env.Engines = []deploy.Maker{{Name: "docker", Make: func(ctx context.Context) (engine.Engine, error) { return m.open(ctx) }}}
	up := []string{"up", "-f", "amiens-smtp-pop-imap", "--students", "2"}
	c.run(up...)
	var seats []seat
	for _, s := range c.status().Sandboxes {
		at := map[string]string{}
		for service, address := range s.Addresses {
			at[service] = m.door(address)
		}
		seats = append(seats, seat{name: s.Student, at: at})
	}
	word := strings.TrimSpace(c.run("passwd", "1", "--generate"))
	c.run(up...) // what it says of the password is the sandbox's own from now on
	keys := []ssh.PublicKey{hostKey(t, seats[0], word), hostKey(t, seats[1], "master2021")}
	for n, end := range []struct {
		name string
		do   func()
	}{
		{"the engine is restarted", func() { m.restartEngine("TERM") }},
		{"the engine is killed", func() { m.restartEngine("KILL") }},
		{"the power goes", func() {
			m.powerOff()
			if err := m.boot(); err != nil {
				t.Fatal(err)
			}
		}},
		{"and goes again", func() {
			m.powerOff()
			if err := m.boot(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(end.name, func(t *testing.T) {
			body := fmt.Sprintf("before-the-end-%d", n)
			var uids []string
			for _, s := range seats {
				deliver(t, s.at["smtp"], "util2", body)
				uids = append(uids, popList(t, s.at["pop3"], "util2"))
			}
			end.do()
			for i, s := range seats {
				s.greets(t)
				if got := popList(t, s.at["pop3"], "util2"); got != uids[i] {
					t.Errorf("%s had the messages\n%s\nand has\n%s", s.name, uids[i], got)
				}
			}
			for i, word := range []string{word, "master2021"} {
				if key := hostKey(t, seats[i], word); string(key.Marshal()) != string(keys[i].Marshal()) {
					t.Errorf("%s has another host key", seats[i].name)
				}
			}
			c := c.with(t)
			for _, s := range c.status().Sandboxes {
				if s.State != "ready" {
					t.Errorf("seat %d is %s", s.Seat, s.State)
				}
			}
			if plan := c.run(append(up, "--dry-run")...); plan != "nothing to do\n" {
				t.Errorf("up has something to do:\n%s", plan)
			}
		})
	}
	c.run("down", "-y")
	m.holdsNothing()
}

// seat is one student's, with where its doors are reached from here.
type seat struct {
	name string
	at   map[string]string
}

// greets waits until each door is answered by its service.
func (s seat) greets(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for service, greeting := range map[string]string{"ssh": "SSH-2.0-", "smtp": "220 ", "pop3": "+OK", "imap": "* OK"} {
		for !strings.HasPrefix(firstLine(s.at[service]), greeting) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is not back for %s", service, s.name)
			}
			time.Sleep(50 * time.Millisecond) // between two looks
		}
	}
}

// firstLine is what a door says first, as far as it comes in one piece; "" when nobody answers.
func firstLine(address string) string {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	piece := make([]byte, 256)
	n, _ := conn.Read(piece)
	return string(piece[:n])
}

// hostKey logs in and tells who answered.
func hostKey(t *testing.T, s seat, password string) ssh.PublicKey {
	t.Helper()
	var key ssh.PublicKey
	client, err := ssh.Dial("tcp", s.at["ssh"], &ssh.ClientConfig{
		User: "util1", Auth: []ssh.AuthMethod{ssh.Password(password)}, Timeout: patience,
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error { key = k; return nil },
	})
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	client.Close()
	return key
}

// popList is a mailbox as POP3 numbers it.
func popList(t *testing.T, address, user string) string {
	t.Helper()
	all := lines(t, address, "user "+user, "pass master2021", "uidl", "quit")
	if !strings.Contains(all, "\n1 ") {
		t.Fatalf("%s has no mail:\n%s", user, all)
	}
	return all
}

// holdsNothing: nothing of maillab's is left on the machine's engine but the image.
func (m *machine) holdsNothing() {
	m.t.Helper()
	for _, kind := range []string{"container ls -a", "volume ls", "network ls --filter type=custom"} {
		args := append([]string{"-H", "unix://" + m.at("sock")}, strings.Fields(kind)...)
		out, err := exec.Command("docker", append(args, "-q")...).CombinedOutput()
		if err != nil || len(out) > 0 {
			m.t.Errorf("docker %s: %v\n%s", kind, err, out)
		}
	}
}
