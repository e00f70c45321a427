//go:build linux

package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/handoff"
	"maillab/internal/sandbox"
	"maillab/internal/spec"
)

func TestMaildComesBack(t *testing.T) {
	b := start(t, 156000)
	b.configure(labSpec("back", master2021))
	before, err := b.who()
	if err != nil {
		t.Fatal(err)
	}
	if got := b.ask(ask{Op: "lock", User: "util1", Box: "INBOX"}); got.Error != "" {
		t.Fatal(got.Error)
	}
	mustDocker(t, "exec", b.name, "kill", "-9", fmt.Sprint(before.PID))
	// The port answers all the time: a connection waits for the next maild.
	conn, err := net.DialTimeout("tcp", b.door("smtp"), patience)
	if err != nil {
		t.Fatalf("while maild is dead: %v", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	greeting := make([]byte, 8)
	if _, err := conn.Read(greeting); err != nil || string(greeting) != "220 smtp" {
		t.Errorf("greeting %q, %v", greeting, err)
	}
	eventually(t, "another maild", func() error {
		after, err := b.who()
		if err == nil && (after.PID == before.PID || !strings.Contains(after.Spec, `"back"`)) {
			err = errors.New("still the old one")
		}
		return err
	})
	if got := b.ask(ask{Op: "lock", User: "util1", Box: "INBOX"}); got.Error != "" {
		t.Errorf("the dead one's lock is still held: %v", got.Error)
	}
}

// TestMaildHasLittle: a user of its own, one capability, no new privileges, no password hashes.
func TestMaildHasLittle(t *testing.T) {
	b := start(t, 157000)
	b.configure(labSpec("little", master2021))
	w, err := b.who()
	if err != nil {
		t.Fatal(err)
	}
	lease := fmt.Sprintf("%016x", 1<<28)
	for _, want := range []string{"Uid:\t825\t825\t825\t825\n", "Groups:\t42 \n", "NoNewPrivs:\t1\n", "CapEff:\t" + lease, "CapPrm:\t" + lease, "CapBnd:\t" + lease, "CapAmb:\t" + lease} {
		if !strings.Contains(w.Status, want) {
			t.Errorf("maild's status lacks %q:\n%s", want, w.Status)
		}
	}
	if strings.Contains(w.Spec, "$6$") || !strings.Contains(w.Spec, "util11") {
		t.Errorf("maild's spec: %s", w.Spec)
	}
}

// TestBrokerInASandbox: the same refusals as in package broker's tests, with real users and the real capabilities.
func TestBrokerInASandbox(t *testing.T) {
	b := start(t, 158000)
	b.configure(labSpec("broker", master2021))
	if got := b.ask(ask{Op: "append", User: "util1", Box: "INBOX", Text: "From x\n"}); got.Error != "" {
		t.Fatal(got.Error)
	}
	b.as("util1", "chmod 600 /var/mail/util1; echo more >> /var/mail/util1")
	if got := b.ask(ask{Op: "read", User: "util1", Box: "INBOX"}); got.Text != "From x\nmore\n" {
		t.Errorf("a mailbox that its owner made 0600: %+v", got)
	}
	if got := b.ask(ask{Op: "lease", User: "util1", Box: "INBOX"}); got.Error != "" {
		t.Errorf("a write lease on it: %v", got.Error)
	}
	if got := mustDocker(t, "exec", b.name, "stat", "-c", "%a %U %G", "/var/mail", "/var/mail/util11"); got != "2775 root mail\n660 util11 mail" {
		t.Errorf("modes and owners of the spool: %q", got)
	}
	b.as("util1", `mkdir -p mail && cd mail && ln -s /var/mail/util11 link && ln -s /etc maildir && mkfifo fifo && touch one && ln one two &&
		ln -s /var/lib/maillab/labinit/spec.json ~/.forward && echo $$ > dead && cp dead folder.lock`)
	for box, errno := range map[string]syscall.Errno{
		"link": syscall.ELOOP, "maildir/passwd": syscall.ELOOP, "fifo": syscall.EINVAL, "two": syscall.EMLINK, ".forward": syscall.ELOOP,
	} {
		if got := b.ask(ask{Op: "read", User: "util1", Box: box}); !got.Refused || got.Errno != int(errno) {
			t.Errorf("%s: %+v", box, got)
		}
	}
	if got := b.ask(ask{Op: "read", User: "root", Box: "INBOX"}); got.Errno != int(syscall.ENOENT) {
		t.Errorf("root's mailbox: %+v", got)
	}
	if got := b.ask(ask{Op: "append", User: "util1", Box: "2026/march", Text: "x", Flag: os.O_CREATE}); got.Error != "" {
		t.Errorf("a folder: %v", got.Error)
	}
	if got := b.as("util1", "stat -c '%a %U' mail/2026 mail/2026/march"); got != "700 util1\n600 util1\n" {
		t.Errorf("a folder's modes: %q", got)
	}
	got := b.ask(ask{Op: "list", User: "util1"})
	if diff := cmp.Diff([]string{"2026/march", "dead"}, got.Names); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	if got := b.ask(ask{Op: "lock", User: "util1", Box: "folder"}); got.Error != "" {
		t.Errorf("a lock of a shell that is gone is broken: %v", got.Error)
	}
	// A lock of a shell that lives holds.
	term := b.terminal("util1", "master2021")
	defer term.client.Close()
	expect(t, term.out, "$ ")
	term.say("echo $$ > mail/held.lock; echo DO''NE")
	expect(t, term.out, "DONE")
	if got := b.ask(ask{Op: "lock", User: "util1", Box: "held"}); !got.Locked {
		t.Errorf("a lock that is held: %+v", got)
	}
}

func TestHomesFollowTheirUIDs(t *testing.T) {
	b := start(t, 159000)
	unwatched := func(name string) spec.Sandbox { // the disk watch opens what is closed, whenever it comes by
		s := labSpec(name, master2021)
		s.Limits.SpoolBytes = 0
		return s
	}
	b.configure(unwatched("here"))
	b.as("util1", "mkdir -m 0 closed; mkdir d; echo x > d/mine; ln -s /etc/passwd d/link; echo edited >> tp/lisez.txt; echo mail >> /var/mail/util1")
	b.base = 160000
	b.recreate()
	b.configure(unwatched("there"))
	want := "160001 700 .\n160001 644 .bashrc\n160001 0 closed\n160001 755 d\n160001 777 d/link\n160001 644 d/mine\n160001 640 tp/lisez.txt\n160001 660 /var/mail/util1\n"
	if diff := cmp.Diff(want, b.as("util1", "stat -c '%u %a %n' . .bashrc closed d d/link d/mine tp/lisez.txt /var/mail/util1")); diff != "" {
		t.Errorf("after a move (-want +got):\n%s", diff)
	}
	if got := b.as("util1", "cat tp/lisez.txt /var/mail/util1; stat -c %u /etc/passwd"); got != "bonjour\nedited\nmail\n0\n" {
		t.Errorf("contents: %q", got)
	}
	// A new version of a start file does not take away what the student wrote into the old one; a removed account leaves.
	s := unwatched("new-files")
	s.Files[0].Data = []byte("bonsoir\n")
	s.Files = append(s.Files, spec.File{Account: "util1", Path: "/home/util1/tp/neuf.txt", Mode: 0o644, Data: []byte("neuf\n")})
	s.Accounts = s.Accounts[:1]
	b.configure(s)
	if got := b.as("util1", "cat tp/lisez.txt tp/neuf.txt; ls /home; getent passwd util11 || echo gone"); got != "bonjour\nedited\nneuf\nutil1\nutil11\ngone\n" {
		t.Errorf("after a new lab: %q", got)
	}
	if _, err := b.session("util11", "master2021", "true", false); err == nil {
		t.Error("an account that is no more logs in")
	}
}

func TestABadSpecChangesNothing(t *testing.T) {
	b := start(t, 161000)
	b.configure(labSpec("good", master2021))
	before, _ := b.who()
	bad := labSpec("bad", master2021)
	bad.Accounts[1].Name = "mail"
	if err := b.tryConfigure(bad); err == nil || !strings.Contains(err.Error(), "the system has one") {
		t.Errorf("a bad spec: %v", err)
	}
	unplaceable := labSpec("unplaceable", master2021)
	unplaceable.Accounts = append(unplaceable.Accounts, spec.Account{Name: "util2", PasswordHash: master2021})
	unplaceable.Files[0].Path = "/home/util1/.profile/x"
	if err := b.tryConfigure(unplaceable); err == nil {
		t.Error("a spec that cannot be applied is taken")
	}
	if after, err := b.who(); err != nil || after.PID != before.PID {
		t.Errorf("maild was started anew: %v", err)
	}
	if got := b.as("util1", "getent passwd util2 || cat tp/lisez.txt"); got != "bonjour\n" {
		t.Errorf("the sandbox is not what it was: %q", got)
	}
	b.recreate()
	eventually(t, "the good spec again", func() error {
		w, err := b.who()
		if err == nil && !strings.Contains(w.Spec, `"good"`) {
			err = errors.New(w.Spec)
		}
		return err
	})
}

func TestServicesThatAreOff(t *testing.T) {
	b := start(t, 162000)
	b.configure(labSpec("all", master2021))
	s := labSpec("smtp-only", master2021)
	s.Services = spec.Services{SMTP: &spec.SMTP{}}
	b.configure(s)
	for service, open := range map[string]bool{"smtp": true, handoff.Control: true, "ssh": false} {
		eventually(t, fmt.Sprintf("%s is served: %v", service, open), func() error {
			conn, err := net.DialTimeout("tcp", b.door(service), patience)
			if err != nil {
				return err
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			fmt.Fprint(conn, "GET /who HTTP/1.0\r\n\r\n") // the one for control waits for the client
			if _, err := conn.Read(make([]byte, 1)); (err == nil) != open {
				return fmt.Errorf("it is not: %v", err)
			}
			return nil
		})
	}
	inside := mustDocker(t, "exec", b.name, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6")
	for port, open := range map[int]bool{25: true, 22: false, 110: false, 143: false} {
		if strings.Contains(inside, fmt.Sprintf(":%04X 00000000", port)) != open {
			t.Errorf("port %d is open: %v\n%s", port, !open, inside)
		}
	}
}

func TestStopsAndStartsAgain(t *testing.T) {
	b := start(t, 163000)
	b.configure(labSpec("stop", master2021))
	mustDocker(t, "stop", "-t", "20", b.name)
	if got := mustDocker(t, "inspect", "-f", "{{.State.ExitCode}}", b.name); got != "0" {
		t.Errorf("asked to stop, labinit ends with %s (137: it was killed)", got)
	}
	mustDocker(t, "start", b.name)
	b.await()
	eventually(t, "a login after a reboot", func() error {
		_, err := b.session("util1", "master2021", "true", true)
		return err
	})
}

// TestOneAtATime: a container that is started beside another, on the same volumes, is a sandbox as soon as that has ended, and nothing before.
func TestOneAtATime(t *testing.T) {
	b := start(t, 169000)
	b.configure(labSpec("one", master2021))
	second := newBox(t, 169000)
	second.volumes = b.name
	if err := second.create(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second waits", func() error {
		logs, err := exec.Command("docker", "logs", second.name).CombinedOutput()
		if err == nil && !strings.Contains(string(logs), "another supervisor has these volumes") {
			err = fmt.Errorf("it says %q", logs)
		}
		return err
	})
	if w, err := second.who(); err == nil {
		t.Errorf("two daemons are on one spool: %+v", w)
	}
	b.remove()
	second.await()
	if w, err := second.who(); err != nil || !strings.Contains(w.Spec, "one") {
		t.Errorf("the second has %+v, %v", w, err)
	}
}

// TestADiskFillerIsStopped, is told why, and can clean up.
func TestADiskFillerIsStopped(t *testing.T) {
	b := start(t, 168000)
	s := labSpec("filler", master2021)
	s.Limits.SpoolBytes = 8 << 20
	for i := range s.Accounts {
		s.Accounts[i].Student, s.Accounts[i].Lang = "alice", "fr"
	}
	b.configure(s)
	term := b.terminal("util1", "master2021")
	defer term.client.Close()
	expect(t, term.out, "$ ")
	term.say("for i in $(seq 10000); do head -c 1000000 /dev/zero > full$i; sleep 0.2; done")
	expect(t, term.out, "8 Mio sont permis")
	if _, err := io.Copy(io.Discard, term.out); err != nil { // the session ends
		t.Error(err)
	}
	if got := b.as("util1", "rm full*; ls"); got != "tp\n" {
		t.Errorf("cleaning up: %q", got)
	}
	if out, err := b.session("util1", "master2021", "head -c 20000000 /dev/zero > one; stat -c %s one", false); err != nil || !strings.Contains(out, "8388608\n") {
		t.Errorf("one file, larger than all may be: %q, %v", out, err)
	}
}

// TestEveryCapabilityIsNeeded leaves each out in turn, and finds something that no longer works.
func TestEveryCapabilityIsNeeded(t *testing.T) {
	needEngine(t)
	t.Parallel()
	for i, name := range sandbox.CapabilityNames() {
		if name == "NET_ADMIN" {
			continue // TestNoFenceNoSandbox
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, 164000+1000*i)
			b.drop, b.timeout = name, 5*time.Second
			if err := b.create(); err != nil {
				t.Fatal(err)
			}
			if err := b.works(); err == nil {
				t.Errorf("without %s everything works", name)
			} else {
				t.Logf("without %s: %v", name, err)
			}
		})
	}
	t.Run("with all of them", func(t *testing.T) {
		b := start(t, 180000)
		if err := b.works(); err != nil {
			t.Error(err)
		}
	})
}
