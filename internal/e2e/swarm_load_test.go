//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/smtp"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"maillab/internal/machines"
)

// The lab's password, and the one that a student has chosen instead.
const (
	lesson = "master2021"
	chosen = "Quite-Another-1"
)

// mailing sends mail to each seat of a class, and notes what was acknowledged.
type mailing struct {
	class status
	end   chan struct{}
	all   sync.WaitGroup

	mu     sync.Mutex
	doors  []*machines.Machine // through which mail is sent, in turn
	sent   int
	taken  []message
	served map[int]int // acknowledged, by seat
}

// message is one that was acknowledged.
type message struct {
	seat    int
	subject string
	at      time.Time // not before it was
}

// pace is between two messages to a seat.
const pace = 200 * time.Millisecond

func newMailing(class status, doors []*machines.Machine) *mailing {
	l := &mailing{class: class, end: make(chan struct{}), served: map[int]int{}}
	l.goBy(doors)
	for _, s := range class.Sandboxes {
		l.all.Go(func() {
			for {
				select {
				case <-l.end:
					return
				case <-time.After(pace):
					l.send(s.Seat)
				}
			}
		})
	}
	return l
}

// goBy says through which machines mail is sent from now on.
func (l *mailing) goBy(doors []*machines.Machine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doors = slices.Clone(doors)
}

// through is a door of a seat on a machine.
func (l *mailing) through(class status, seat int, service string, m *machines.Machine) string {
	for _, s := range class.Sandboxes {
		if s.Seat == seat {
			_, port, _ := net.SplitHostPort(s.Addresses[service])
			return net.JoinHostPort(m.Address, port)
		}
	}
	return ""
}

// send sends one message. What is refused is the sender's to send again, which is another one here.
func (l *mailing) send(seat int) {
	l.mu.Lock()
	l.sent++
	subject := fmt.Sprintf("load-%d-%d.", seat, l.sent)
	door := l.through(l.class, seat, "smtp", l.doors[rand.IntN(len(l.doors))])
	l.mu.Unlock()
	if submit(door, subject) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = append(l.taken, message{seat, subject, time.Now()})
	l.served[seat]++
}

// submit gives a message to a server, and returns when that has taken it.
func submit(address, subject string) error {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	client, err := smtp.NewClient(conn, "client")
	if err != nil {
		return err
	}
	if err := client.Mail("util3@local.isri.fr"); err != nil {
		return err
	}
	if err := client.Rcpt("util1"); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "Subject: %s\r\n\r\nx\r\n", subject); err != nil {
		return err
	}
	return w.Close()
}

// more waits until each seat has taken one more message.
func (l *mailing) more(t *testing.T) {
	t.Helper()
	count := func() map[int]int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return maps.Clone(l.served)
	}
	was := count()
	deadline := time.Now().Add(3 * time.Minute)
	for _, s := range l.class.Sandboxes {
		for count()[s.Seat] == was[s.Seat] {
			if time.Now().After(deadline) {
				t.Fatalf("seat %d takes no mail any more", s.Seat)
			}
			time.Sleep(50 * time.Millisecond) // between two looks
		}
	}
}

// stop ends it, after what is under way.
func (l *mailing) stop() {
	close(l.end)
	l.all.Wait()
}

// missing are the messages that had been acknowledged when it is asked, and are not there, nor on their way. They are not looked for again.
func (l *mailing) missing(t *testing.T) (gone []message) {
	t.Helper()
	l.mu.Lock()
	asked := len(l.taken)
	l.mu.Unlock()
	there := map[int]map[string]int{}
	for _, s := range l.class.Sandboxes {
		there[s.Seat] = l.subjects(t, s.Seat)
		if l.lacks(asked, s.Seat, there[s.Seat]) { // what is acknowledged is in the queue, and from there comes into the mailbox
			l.emptyQueue(t, s.Seat)
			there[s.Seat] = l.subjects(t, s.Seat)
		}
		for subject, n := range there[s.Seat] {
			if strings.HasPrefix(subject, "load-") && n > 1 {
				t.Errorf("seat %d has %s %d times", s.Seat, subject, n)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.taken[:0]
	for n, m := range l.taken {
		if n < asked && there[m.seat][m.subject] == 0 {
			gone = append(gone, m)
		} else {
			left = append(left, m)
		}
	}
	l.taken = left
	return gone
}

// subjects are those in a seat's mailbox, and how often each is there.
func (l *mailing) subjects(t *testing.T, seat int) map[string]int {
	t.Helper()
	said := lines(t, l.through(l.class, seat, "imap", l.doors[0]), "a LOGIN util1 "+lesson, "a LOGIN util1 "+chosen, "b SELECT INBOX",
		"c FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "d LOGOUT")
	there := map[string]int{}
	for line := range strings.Lines(said) {
		if subject, is := strings.CutPrefix(strings.TrimSpace(line), "Subject: "); is {
			there[subject]++
		}
	}
	return there
}

// lacks tells whether one of the first so many that were acknowledged is not there.
func (l *mailing) lacks(asked, seat int, there map[string]int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.taken[:asked], func(m message) bool { return m.seat == seat && there[m.subject] == 0 })
}

// emptyQueue returns when nothing waits in a seat's queue.
func (l *mailing) emptyQueue(t *testing.T, seat int) {
	t.Helper()
	passwords := []string{lesson, chosen}
	next := func() (password string, err error) {
		password, passwords = passwords[0], passwords[1:]
		return password, nil
	}
	client, err := ssh.Dial("tcp", l.through(l.class, seat, "ssh", l.doors[0]), &ssh.ClientConfig{
		User: "util1", Auth: []ssh.AuthMethod{ssh.RetryableAuthMethod(ssh.PasswordCallback(next), len(passwords))},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		t.Fatalf("seat %d: %v", seat, err)
	}
	defer client.Close()
	const empty = "Mail queue is empty"
	if out := output(t, client, "timeout 60 sh -c 'until mailq | grep \""+empty+"\"; do sleep 0.1; done' || mailq", ""); !strings.Contains(out, empty) {
		t.Fatalf("seat %d: something stays in the queue:\n%s", seat, out)
	}
}

// shell is a student's, who is at work in it.
type shell struct {
	t      *testing.T
	client *ssh.Client
}

// byHand has a student come in, take another password, and leave a file; the shell stays open.
func byHand(t *testing.T, address string) shell {
	t.Helper()
	client := login(t, address, "util1", lesson)
	output(t, client, "passwd", lesson+"\n"+chosen+"\n"+chosen+"\n")
	term := onTerminal(t, client, "bash --norc")
	term.typeLine("echo by hand > note; cat note | tr a-z A-Z")
	term.has("BY HAND")
	return shell{t, client}
}

// ends waits until the connection has.
func (s shell) ends() {
	s.t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.client.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(2 * patience):
		s.t.Error("a shell on a machine that is gone does not end")
	}
}

// awaitGone waits until status says that a machine is gone, and returns of when the copies are of who was there.
func (c *class) awaitGone(dead *machines.Machine) (copies map[int]time.Time) {
	c.t.Helper()
	c.await("gone", func(out, _ string) string {
		var told struct {
			Gone []struct {
				Node   string
				Copies map[int]time.Time
			}
		}
		_ = json.Unmarshal([]byte(out), &told) // of a status that found nobody there is nothing
		for _, g := range told.Gone {
			if g.Node == dead.Name && g.Copies != nil {
				copies = g.Copies
				return "gone"
			}
		}
		return ""
	}, "status", "-o", "json")
	return copies
}

// seatsOn are the seats of an instance that run on a machine.
func seatsOn(t *testing.T, m *machines.Machine, name string) (seats []int) {
	t.Helper()
	out, err := exec.Command("docker", "-H", m.Host(), "ps", "--format", `{{.Label "com.docker.swarm.service.name"}}`).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(bytes.TrimSpace(out))) {
		rest, ours := strings.CutPrefix(line, "maillab-"+name+"-")
		if seat, err := strconv.Atoi(rest); ours && err == nil {
			seats = append(seats, seat)
		}
	}
	return seats
}

// once sees that each seat runs on one of the machines, and on no two.
func once(t *testing.T, c *class, on []*machines.Machine) {
	t.Helper()
	times := map[int]int{}
	for _, m := range on {
		for _, seat := range seatsOn(t, m, c.name) {
			times[seat]++
		}
	}
	for seat := 1; seat <= inClass; seat++ {
		if times[seat] != 1 {
			t.Errorf("seat %d is there %d times", seat, times[seat])
		}
	}
}

// awaitNode waits until a manager that lives says of a machine that it is so.
func awaitNode(t *testing.T, all *machines.Machines, m *machines.Machine, state string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		for _, manager := range all.All {
			out, err := exec.Command("docker", "-H", manager.Host(), "node", "ls", "--format", "{{.Hostname}} {{.Status}}").Output()
			if err == nil && strings.Contains(string(out), m.Name+" "+state) {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is never %s", m.Name, state)
		}
		time.Sleep(100 * time.Millisecond) // between two looks
	}
}
