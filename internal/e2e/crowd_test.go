//go:build linux

package e2e

import (
	"strings"
	"testing"
)

// TestCrowdInside: a student who holds connections inside a sandbox fills his own share; another account gets in.
func TestCrowdInside(t *testing.T) {
	c := newClass(t, "crowd")
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "1")
	at := c.status().Sandboxes[0].Addresses
	greedy, other := login(t, at["ssh"], "util1", "master2021"), login(t, at["ssh"], "util11", "master2021")
	session, err := greedy.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := session.StdinPipe() // while it is open, so are the connections
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := session.Start("python3 -c '" + hold + "'"); err != nil {
		t.Fatal(err)
	}
	last := make([]byte, 256)
	n, err := out.Read(last)
	if err != nil || !strings.HasPrefix(string(last[:n]), "100 -ERR [SYS/TEMP] Too many connections") {
		t.Errorf("one student's connections end with %q, %v", last[:n], err)
	}
	answer, err := other.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	if said, err := answer.CombinedOutput("echo QUIT | nc -w 20 localhost 110"); err != nil || !strings.HasPrefix(string(said), "+OK") {
		t.Errorf("another student is told %q, %v", said, err)
	}
}

// hold opens connections until one is turned away, says which and why, and keeps the others until its input ends.
const hold = `
import socket, sys
held = []
while True:
    s = socket.create_connection(("localhost", 110))
    line = s.makefile().readline()
    if not line.startswith("+OK"):
        break
    held.append(s)
print(len(held), line, flush=True)
sys.stdin.read()
`
