//go:build linux

package sandbox_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// expect reads from a terminal until it has seen text.
func expect(t *testing.T, in io.Reader, text string) string {
	t.Helper()
	var seen strings.Builder
	one := make([]byte, 1)
	for !strings.Contains(seen.String(), text) {
		if _, err := in.Read(one); err != nil {
			t.Fatalf("waiting for %q: %v, after %q", text, err, seen.String())
		}
		seen.Write(one)
	}
	return seen.String()
}

// terminal is a login shell on a terminal.
type terminal struct {
	client *ssh.Client
	in     io.WriteCloser
	out    io.Reader
}

func (b *box) terminal(user, password string) *terminal {
	b.t.Helper()
	client, err := ssh.Dial("tcp", b.door("ssh"), &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	// What never comes ends the wait with the connection.
	bound := time.AfterFunc(2*patience, func() { _ = client.Close() })
	b.t.Cleanup(func() { bound.Stop() })
	s, err := client.NewSession()
	if err != nil {
		b.t.Fatal(err)
	}
	term := &terminal{client: client}
	term.in, _ = s.StdinPipe()
	term.out, _ = s.StdoutPipe()
	err = errors.Join(s.RequestPty("xterm", 40, 200, ssh.TerminalModes{}), s.Shell())
	if err != nil {
		b.t.Fatal(err)
	}
	return term
}

func (term *terminal) say(line string) { fmt.Fprintf(term.in, "%s\n", line) }

func TestLoginOnATerminal(t *testing.T) {
	b := start(t, 150000)
	b.configure(labSpec("login", master2021))

	term := b.terminal("util1", "master2021")
	defer term.client.Close()
	expect(t, term.out, "Bonjour util1")
	term.say("tty; id -u; ulimit -u; ulimit -f; echo $LANG $MAIL; date +%Z; cat tp/lisez.txt; umask; who; echo DO''NE")
	got := expect(t, term.out, "DONE")
	for _, want := range []string{"/dev/pts/", "150001", "32", "65536", "C.UTF-8 /var/mail/util1", "CE", "bonjour", "util1    pts/"} {
		if !strings.Contains(got, want) {
			t.Errorf("the session lacks %q: %q", want, got)
		}
	}
	if out, err := b.session("util1", "wrong", "id", false); err == nil {
		t.Errorf("a wrong password logs in: %s", out)
	}
	if out, err := b.session("root", "master2021", "id", false); err == nil {
		t.Errorf("root logs in: %s", out)
	}
	if got := b.as("util11", "id -u; cat /proc/self/oom_score_adj"); got != "150002\n900\n" {
		t.Errorf("util11 is, and his processes have the OOM score: %q", got)
	}
	if out, err := b.session("util11", "master2021", "cat /home/util1/.profile /var/mail/util1 /etc/shadow /var/lib/maillab/labinit/spec.json /var/lib/maillab/maild", false); err == nil || strings.Count(out, "Permission denied") != 5 {
		t.Errorf("another's files: %v\n%s", err, out)
	}
}

func TestPasswordSurvives(t *testing.T) {
	b := start(t, 151000)
	b.configure(labSpec("first", master2021))
	key := b.ask(ask{Op: "hostkey"}).Text

	term := b.terminal("util1", "master2021")
	expect(t, term.out, "$ ")
	term.say("passwd")
	expect(t, term.out, "Current password: ")
	term.say("master2021")
	expect(t, term.out, "New password: ")
	term.say("chouette-hulotte")
	expect(t, term.out, "Retype new password: ")
	term.say("chouette-hulotte")
	expect(t, term.out, "password updated successfully")
	term.client.Close()
	eventually(t, "the changed line on the volume", func() error {
		out, err := docker("exec", b.name, "cat", "/var/lib/maillab/labinit/shadow")
		if err == nil && !strings.Contains(out, "util1:$y$") {
			err = fmt.Errorf("it holds %q", out)
		}
		return err
	})

	// The old one survives in nothing, the new one in everything but a new password of the spec's.
	check := func(when string, good, bad string) {
		t.Helper()
		if _, err := b.session("util1", good, "true", true); err != nil {
			t.Errorf("%s: %q does not log in: %v", when, good, err)
		}
		if _, err := b.session("util1", bad, "true", true); err == nil {
			t.Errorf("%s: %q still logs in", when, bad)
		}
	}
	check("at once", "chouette-hulotte", "master2021")
	b.configure(labSpec("same-passwords", master2021))
	check("after a new spec", "chouette-hulotte", "master2021")
	b.recreate()
	b.configure(labSpec("recreated", master2021))
	check("recreated", "chouette-hulotte", "master2021")
	if again := b.ask(ask{Op: "hostkey"}).Text; again != key || !strings.HasPrefix(key, "ssh-ed25519 ") {
		t.Errorf("host key was %q, is %q", key, again)
	}
	// The hash of "autre-mot", as `openssl passwd -6 -salt maillab` makes it.
	b.configure(labSpec("new-password", "$6$maillab$"+autreMot))
	check("a new password in the spec", "autre-mot", "chouette-hulotte")
}

func TestShortLivedKey(t *testing.T) {
	b := start(t, 152000)
	b.configure(labSpec("keys", master2021))
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.sessionWith("util1", ssh.PublicKeys(signer), "true", true); err == nil {
		t.Error("an unknown key logs in")
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	if got := b.ask(ask{Op: "authorize", User: "util1", Key: `command="id" ` + line}); got.Error != "" {
		t.Fatal(got.Error)
	}
	if out, err := b.sessionWith("util1", ssh.PublicKeys(signer), "echo mine", true); err != nil || strings.TrimSpace(out) != "mine" {
		t.Errorf("the key logs in: %q, %v", out, err)
	}
	if _, err := b.sessionWith("util11", ssh.PublicKeys(signer), "true", true); err == nil {
		t.Error("the key logs in as somebody else")
	}
	if got := b.ask(ask{Op: "authorize", User: "root", Key: line}); got.Error == "" {
		t.Error("a key lets root in")
	}
	if got := b.ask(ask{Op: "authorize", User: "util1", Key: "nonsense\n" + line}); got.Error == "" && strings.Contains(got.Text, "nonsense") {
		t.Error("a key file can be written into")
	}
}

const autreMot = "7T0AYoZZG9AFdm3y.S.N.TqD1bP9F2ez0h7h2cqKS016EO83eoaShkL2/agPAS6CTUt7jKNYoySigUNN.Mn7E0"
