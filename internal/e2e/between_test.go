//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestBetweenServers is a class in which each student has a domain: mail passes from one's server to another's, by hand and by
// mail(1), as long as the lab names the way, and a class can grow under it.
func TestBetweenServers(t *testing.T) {
	t.Parallel()
	betweenServers(t, newClass(t, "between"))
}

// upBetween is what brings a class of the lab between servers up.
func upBetween(t *testing.T, flags []string, names ...string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "class.csv")
	if err := os.WriteFile(file, []byte("key\n"+strings.Join(names, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return append([]string{"up", "-y", "-f", "testdata/between/lab.yaml", "--class", file}, flags...)
}

// betweenServers brings alice and bob up, with flags, and in the end carol.
func betweenServers(t *testing.T, c *class, flags ...string) {
	c.run(upBetween(t, flags, "alice", "bob")...)
	alice, bob := c.shell("alice"), c.shell("bob")

	t.Run("ByHand", func(t *testing.T) {
		term := onTerminal(t, alice, "telnet mx.bob.lab 25")
		for !strings.HasPrefix(term.skip(), "220 mx.bob.lab ") {
		}
		term.typeLine("rcpt to:<carol@carol.lab>")
		term.typeLine("mail from:<alice@alice.lab>")
		term.typeLine("rcpt to:<carol@carol.lab>")
		for !strings.HasPrefix(term.skip(), "554 5.7.1 <carol@carol.lab>: Relay access denied") {
		}
		term.typeLine("quit")
		logged(t, bob, "connect from mx.alice.lab[198.18.0.1]")
		logged(t, bob, "reject: RCPT from mx.alice.lab[198.18.0.1]: 554 5.7.1 <carol@carol.lab>: Relay access denied")
	})
	t.Run("ByMail", func(t *testing.T) {
		output(t, alice, "mail -s 'from alice' bob@bob.lab", "hello\n")
		logged(t, alice, "to=<bob@bob.lab>, relay=mx.bob.lab[198.18.0.2]:25,")
		logged(t, bob, "client=mx.alice.lab[198.18.0.1]")
		box := output(t, bob, "cat /var/mail/bob", "")
		if !strings.Contains(box, "Subject: from alice") || !strings.Contains(box, "from mx.alice.lab (mx.alice.lab [198.18.0.1])") {
			t.Errorf("bob has\n%s", box)
		}
		output(t, alice, "mail -s nobody carol@carol.lab", "hello\n")
		logged(t, alice, "Name service error for name=carol.lab type=A: Host not found")
	})
	t.Run("NothingElse", func(t *testing.T) { onlySMTP(t, alice) })
	t.Run("Zones", func(t *testing.T) { zones(t, alice, bob) })
	t.Run("Stopped", func(t *testing.T) { stops(t, c.with(t), alice, bob) })
	t.Run("AClassThatGrows", func(t *testing.T) {
		c := c.with(t)
		three := upBetween(t, flags, "alice", "bob", "carol")
		if plan := c.run(append(three, "--dry-run")...); strings.Contains(plan, "sandbox  1") || strings.Contains(plan, "sandbox 1") {
			t.Errorf("a third student is no reason to touch the first:\n%s", plan)
		}
		c.run(three...)
		carol := c.shell("carol")
		output(t, alice, "mail -s hello carol@carol.lab", "hello\n") // over the session from before
		logged(t, carol, "client=mx.alice.lab[198.18.0.1]")
	})
}

// shell is a student's SSH session.
func (c *class) shell(student string) *ssh.Client {
	c.t.Helper()
	for _, s := range c.status().Sandboxes {
		if s.Student == student {
			return login(c.t, s.Addresses["ssh"], student, "secret2021")
		}
	}
	c.t.Fatalf("there is no %s", student)
	return nil
}

// logged waits for a line of a sandbox's mail.log.
func logged(t *testing.T, client *ssh.Client, text string) {
	t.Helper()
	out := output(t, client, "timeout 20 sh -c 'until grep -F \""+text+"\" /var/log/mail.log; do sleep 0.1; done' || tail -20 /var/log/mail.log", "")
	if !strings.Contains(out, text) {
		t.Errorf("the log does not say %q:\n%s", text, out)
	}
}

// onlySMTP: at a neighbour's address everything but port 25 is silent, even where something of one's own listens on all addresses.
func onlySMTP(t *testing.T, alice *ssh.Client) {
	var side sync.WaitGroup
	for what, test := range map[string]struct{ command, want string }{
		"a neighbour's POP3":      {"timeout 2 nc 198.18.0.2 110; echo exit=$?", "exit=124"},
		"a neighbour's SSH":       {"timeout 2 nc 198.18.0.2 22; echo exit=$?", "exit=124"},
		"a server of one's own":   {"python3 -c '" + listensEverywhere + "'", "127.0.0.1 hello\n198.18.0.2 timed out\n"},
		"a neighbour's address":   {"python3 -c '" + posesAsNeighbour + "'", "refused"},
		"a name that nobody has":  {"getent hosts mx.nobody.lab; echo exit=$?", "exit=2"},
		"a name of the world":     {"getent hosts debian.org; echo exit=$?", "exit=2"},
		"an address of the world": {"timeout 2 nc 192.0.2.25 25; echo exit=$?", "exit=124"},
	} {
		side.Go(func() { // most wait for what does not come
			if out, err := said(alice, test.command, ""); err != nil || !strings.Contains(out, test.want) {
				t.Errorf("%s: %q, %v, want %q", what, out, err, test.want)
			}
		})
	}
	side.Wait()
}

const listensEverywhere = `import socket
l = socket.create_server(("0.0.0.0", 2525))
for a in ("127.0.0.1", "198.18.0.2"):
  try:
    c = socket.create_connection((a, 2525), 2); l.accept()[0].send(b"hello"); print(a, c.recv(5).decode())
  except OSError as e: print(a, e)`

const posesAsNeighbour = `import socket
try: socket.create_connection(("127.0.0.1", 25), 2, ("198.18.0.2", 0)); print("taken for a neighbour")
except OSError as e: print("refused", e)`

// zones: a student's zone is a file of the student's own, which others see, and says nothing of others' domains.
func zones(t *testing.T, alice, bob *ssh.Client) {
	ask := func(client *ssh.Client, question string) string { return output(t, client, "drill "+question, "") }
	for question, want := range map[string]string{
		"bob.lab mx": "10 mx.bob.lab.", "mx.bob.lab a": "198.18.0.2", "-x 198.18.0.2": "mx.bob.lab.", "nobody.lab mx": "NXDOMAIN", "debian.org": "NXDOMAIN",
		"-t bob.lab mx": "10 mx.bob.lab.",
	} {
		if out := ask(alice, question); !strings.Contains(out, want) {
			t.Errorf("%s: want %q in\n%s", question, want, out)
		}
	}
	output(t, alice, "cat >zone", "@ MX 5 post\npost A 198.18.0.1\n@ TXT \"v=spf1 mx -all\"\n")
	if out := ask(bob, "alice.lab txt"); !strings.Contains(out, `"v=spf1 mx -all"`) {
		t.Errorf("alice's record:\n%s", out)
	}
	output(t, alice, "cat >zone", "@ MX 5 post\nmx.bob.lab. A 198.18.0.1\n")
	if out := ask(alice, "mx.bob.lab a"); !strings.Contains(out, "198.18.0.2") {
		t.Errorf("alice says where bob is:\n%s", out)
	}
	if out := ask(alice, "www.alice.lab a"); !strings.Contains(out, "SERVFAIL") {
		t.Errorf("a zone with a mistake:\n%s", out)
	}
	logged(t, alice, "zone:2: mx.bob.lab. is not in your domain")
	if out := output(t, alice, "lab zone check; echo exit=$?", ""); !strings.Contains(out, "~/zone:2: mx.bob.lab. is not in your domain\n    names here end in alice.lab.\n") || !strings.Contains(out, "exit=1") {
		t.Errorf("lab zone check says\n%s", out)
	}
	output(t, alice, "rm zone", "")
	if out := ask(alice, "alice.lab mx"); !strings.Contains(out, "10 mx.alice.lab.") {
		t.Errorf("without a file:\n%s", out)
	}
}

// stops: a student stops the own server; mail for it waits at the others', whose logs say why as Postfix does, and comes when it is
// started again. It stays stopped when its sandbox is started anew, the teacher's commands go on, and a reset starts it.
func stops(t *testing.T, c *class, alice, bob *ssh.Client) {
	connects := "timeout 5 nc -w 2 localhost 110 </dev/null; echo exit=$?"
	if out := output(t, bob, "lab server stop; lab server status; "+connects, ""); !strings.Contains(out, "your mail server is stopped") || !strings.Contains(out, "exit=1") {
		t.Errorf("bob stops: %s", out)
	}
	output(t, alice, "mail -s 'for later' bob@bob.lab", "hello\n")
	logged(t, alice, "dsn=4.4.1, status=deferred (connect to mx.bob.lab[198.18.0.2]:25: Connection refused)")
	if out := output(t, alice, "mailq; timeout 5 nc mx.bob.lab 25 </dev/null; drill bob.lab mx", ""); !strings.Contains(out, "(connect to mx.bob.lab[198.18.0.2]:25: Connection refused)") ||
		strings.Contains(out, "220 ") || !strings.Contains(out, "10 mx.bob.lab.") {
		t.Errorf("alice sees %s", out)
	}
	output(t, bob, "mail -s 'kept meanwhile' alice@alice.lab", "hello\n")
	if out := output(t, bob, "timeout 5 nc -w 2 mx.alice.lab 25 </dev/null; lab server status", ""); !strings.Contains(out, "220 mx.alice.lab") || !strings.Contains(out, "waiting in its queue: 1") {
		t.Errorf("bob, who has stopped his server: %s", out)
	}
	if out := c.run("status"); !strings.Contains(out, "ready") {
		t.Errorf("status: %s", out)
	}
	for student, want := range map[string]string{"alice": "220 mx.alice.lab", "bob": "refused"} {
		out := output(t, map[string]*ssh.Client{"alice": alice, "bob": bob}[student], "timeout 5 nc -v -w 2 localhost 25 </dev/null 2>&1; timeout 5 nc -v -w 2 localhost 110 </dev/null 2>&1", "")
		if !strings.Contains(out, want) {
			t.Errorf("%s: %s", student, out)
		}
	}
	output(t, bob, "lab server start", "")
	output(t, alice, "/usr/sbin/sendmail -q", "")
	logged(t, alice, "to=<bob@bob.lab>, relay=mx.bob.lab[198.18.0.2]:25")
	logged(t, bob, "client=mx.alice.lab[198.18.0.1]")
	logged(t, alice, "client=mx.bob.lab[198.18.0.2]")
	if out := output(t, bob, "timeout 20 sh -c 'until grep \"^Subject: for later\" /var/mail/bob; do sleep 0.1; done'; lab server stop", ""); !strings.Contains(out, "for later") {
		t.Errorf("bob has no mail of alice's: %s", out)
	}
	c.run("reset", "-y", "bob")
	if out := output(t, bob, "lab server status", ""); !strings.Contains(out, "your mail server runs") {
		t.Errorf("after a reset: %s", out)
	}
}
