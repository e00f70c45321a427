//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"maillab/internal/machines"
)

// gatewayDies has the gateway of one machine killed: its sandboxes stay, Swarm starts another, and it finds by itself what it has to serve.
func gatewayDies(t *testing.T, c *class, all *machines.Machines, m *machines.Machine) {
	t.Helper()
	class, l := c.status(), &mailing{}
	here := seatsOn(t, m, c.name)[0]
	elsewhere := seatsOn(t, all.All[0], c.name)[0]
	deliver(t, l.through(class, here, "smtp", all.All[0]), "util1", "before-the-gateway-died")
	shell := login(t, l.through(class, here, "ssh", all.All[0]), "util11", lesson)
	kill := append([]string{"-H", m.Host(), "kill"}, gatewaysOn(t, c, m, "status=running")...)
	if out, err := exec.Command("docker", kill...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if line := firstLine(l.through(class, elsewhere, "smtp", all.All[0])); !strings.HasPrefix(line, "220 ") {
		t.Errorf("while a gateway is dead another's door says %q", line)
	}
	_ = shell.Wait() // it went through it
	for _, door := range []*machines.Machine{m, all.All[0]} {
		answers(t, l.through(class, here, "smtp", door))
	}
	answers(t, l.through(class, elsewhere, "smtp", m))
	if said := lines(t, l.through(class, here, "pop3", m), "USER util1", "PASS "+lesson, "PASS "+chosen, "TOP 1 0", "STAT", "QUIT"); strings.Contains(said, "+OK 0 ") {
		t.Errorf("the mailbox is empty:\n%s", said)
	}
	c.eventually("nothing to do", "up", "--dry-run")
}

// answers waits until a mail server greets at an address.
func answers(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !strings.HasPrefix(firstLine(address), "220 "); time.Sleep(50 * time.Millisecond) { // between two looks
		if time.Now().After(deadline) {
			t.Fatalf("nobody answers at %s", address)
		}
	}
}

// cutOff takes a machine that lives off the network. Whoever is on it is let go before the same seat is served elsewhere; nobody gets in
// there any more, though its sandboxes go on; and once it is back each seat is there once.
func cutOff(t *testing.T, c *class, all *machines.Machines, m *machines.Machine) {
	t.Helper()
	class, l := c.status(), &mailing{}
	seat := seatsOn(t, m, c.name)[0]
	_, port, _ := net.SplitHostPort(l.through(class, seat, "smtp", m))
	inside := fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%s && cat <&3", port)
	session := m.Command("bash", "-c", inside)
	out, err := session.StdoutPipe()
	if err == nil {
		err = session.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Process.Kill(); _ = session.Wait() }()
	in := bufio.NewReader(out)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "220 ") {
		t.Fatalf("on %s: %q, %v", m.Name, line, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = in.ReadString('\x00')
	}()
	if err := m.Cut(true); err != nil {
		t.Fatal(err)
	}
	c.awaitGone(m)
	c.run("up", "-y")
	select {
	case <-ended:
	default:
		t.Errorf("seat %d is served elsewhere, and a connection to it on %s goes on", seat, m.Name)
	}
	answers(t, l.through(class, seat, "smtp", all.All[0]))
	deliver(t, l.through(class, seat, "smtp", all.All[0]), "util1", "while-it-was-cut-off")
	if !slices.Contains(seatsOn(t, m, c.name), seat) {
		t.Errorf("seat %d has ended on %s: nothing was tried", seat, m.Name)
	}
	if said, _ := m.Command("timeout", "60", "bash", "-c", inside).Output(); len(said) > 0 {
		t.Errorf("seat %d answers on a machine that is cut off: %q", seat, said)
	}
	if err := m.Cut(false); err != nil {
		t.Fatal(err)
	}
	awaitNode(t, all, m, "Ready")
	c.run("up", "-y")
	once(t, c, all.All)
	if run, failed := gatewaysOn(t, c, m, "status=running"), gatewaysOn(t, c, m, "exited=1"); len(run) != 1 || len(failed) != 0 {
		t.Errorf("on %s one gateway has taken the other's place: %v run, and %v could not", m.Name, run, failed)
	}
	answers(t, l.through(class, seat, "smtp", m))
	if said := lines(t, l.through(class, seat, "pop3", m), "USER util1", "PASS "+lesson, "PASS "+chosen, "LIST", "QUIT"); !strings.Contains(said, "+OK ") {
		t.Errorf("seat %d after all:\n%s", seat, said)
	}
}

// blip is a machine that is lost sight of, and back before anybody has given up what is on it: Swarm starts anew there what goes on, and nothing is
// lost.
func blip(t *testing.T, c *class, all *machines.Machines, m *machines.Machine) {
	t.Helper()
	class, l, there := c.status(), &mailing{}, seatsOn(t, m, c.name)
	if len(there) == 0 {
		t.Fatalf("nothing is on %s", m.Name)
	}
	for _, seat := range there {
		deliver(t, l.through(class, seat, "smtp", all.All[0]), "util2", "before-the-blip")
	}
	if err := m.Cut(true); err != nil {
		t.Fatal(err)
	}
	c.awaitGone(m)
	if err := m.Cut(false); err != nil {
		t.Fatal(err)
	}
	awaitNode(t, all, m, "Ready")
	c.run("up", "-y")
	once(t, c, all.All)
	if now := seatsOn(t, m, c.name); !slices.Equal(slices.Sorted(slices.Values(now)), slices.Sorted(slices.Values(there))) {
		t.Errorf("%s had the seats %v, and has %v", m.Name, there, now)
	}
	for _, seat := range there {
		answers(t, l.through(class, seat, "smtp", m))
		said := lines(t, l.through(class, seat, "pop3", m), "USER util2", "PASS "+lesson, "LIST", "RETR 1", "QUIT")
		if strings.Count(said, "before-the-blip") != 2 { // as the subject and as the text
			t.Errorf("seat %d after the blip:\n%s", seat, said)
		}
	}
	if plan := c.run("up", "--dry-run"); plan != "nothing to do\n" {
		t.Errorf("up again has something to do:\n%s", plan)
	}
}

// gatewaysOn are the containers of the class's gateway on a machine, those that have ended among them, that fit a filter of docker ps.
func gatewaysOn(t *testing.T, c *class, m *machines.Machine, filter string) (ids []string) {
	t.Helper()
	out, err := exec.Command("docker", "-H", m.Host(), "ps", "-aq", "--filter", "name=maillab-"+c.name+"-gateway", "--filter", filter).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
