//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// has reads what the terminal shows until a line has what is wanted.
func (term *terminal) has(want string) {
	term.t.Helper()
	for {
		text, ok := term.line()
		if strings.Contains(text, want) {
			return
		}
		if !ok {
			term.t.Fatalf("the terminal never shows %q:\n%s", want, strings.Join(term.seen, "\n"))
		}
	}
}

func deliver(t *testing.T, address, to, body string) {
	t.Helper()
	if err := smtp.SendMail(address, nil, "util3@local.isri.fr", []string{to}, []byte("Subject: "+body+"\r\n\r\n"+body+"\r\n")); err != nil {
		t.Errorf("%s: %v", body, err)
	}
}

// TestBetweenLessons is what happens to a class between two lessons: reset, snapshots, passwords, a longer life.
func TestBetweenLessons(t *testing.T) {
	c := newClass(t, "life")
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "2")
	s := c.status()
	at := s.Sandboxes[0].Addresses
	util1 := login(t, at["ssh"], "util1", "master2021")
	t.Run("Reset", func(t *testing.T) { resetUnderWay(c.with(t), at, util1) })
	t.Run("Lease", func(t *testing.T) { leasedMailbox(c.with(t), util1) })
	t.Run("Home", func(t *testing.T) { homeReset(c.with(t), util1) })
	t.Run("Snapshot", func(t *testing.T) { thereAndBack(c.with(t), at, util1) })
	t.Run("Password", func(t *testing.T) { passwords(c.with(t), at) })
	t.Run("Stuck", func(t *testing.T) { stuck(c.with(t)) })
	t.Run("Limits", func(t *testing.T) { limits(c.with(t)) })
	t.Run("Prune", func(t *testing.T) { lifetime(c.with(t)) })
}

// resetUnderWay has mail open on a terminal, POP3 and IMAP sessions, a student's lock on another mailbox, and mail that
// goes on arriving; nothing of the old epoch comes back, and all else stays.
func resetUnderWay(c *class, at map[string]string, util1 *ssh.Client) {
	t := c.t
	deliver(t, at["smtp"], "util1", "old-0")
	mail := onTerminal(t, util1, "bash --norc")
	mail.typeLine("mail")
	mail.has("old-0")
	mail.typeLine("2")
	mail.has("old-0")
	pop := telnet(t, at["pop3"])
	pop.has("+OK")
	for _, line := range []string{"user util1", "pass master2021", "dele 1"} {
		pop.typeLine(line)
		pop.has("+OK")
	}
	imap := telnet(t, at["imap"])
	imap.has("* OK")
	imap.typeLine("a login util1 master2021")
	imap.has("a OK")
	imap.typeLine("b select inbox")
	imap.has("b OK")
	typed := telnet(t, at["smtp"])
	typed.has("220")
	typed.typeLine("mail from:util3")
	typed.has("250")

	stop, epoch := make(chan struct{}), "old"
	var mu sync.Mutex
	var senders sync.WaitGroup
	for n := range 3 {
		senders.Go(func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				now := epoch
				mu.Unlock()
				deliver(t, at["smtp"], "util1", fmt.Sprintf("%s-%d-%d", now, n, i))
			}
		})
	}
	c.eventually("old-2-3", "exec", "1", "--", "cat /var/mail/util1")
	before := bodies(c.run("exec", "1", "--", "cat /var/mail/util1"))
	var report struct {
		Sandboxes []struct {
			Sessions, Epoch int
			Ended           []string
		}
	}
	if err := json.Unmarshal([]byte(c.run("reset", "1", "-o", "json")), &report); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	epoch = "new"
	mu.Unlock()
	if r := report.Sandboxes; len(r) != 1 || r[0].Sessions != 2 || len(r[0].Ended) != 1 || r[0].Ended[0] != "util1: mail" {
		t.Errorf("report: %+v", r)
	}
	mail.has("*** ")
	pop.has("-ERR [SYS/TEMP] Mailbox was reset")
	imap.has("* BYE Mailbox was reset")
	mail.typeLine("echo the-shell-is-$((40+2))")
	mail.has("the-shell-is-42")
	typed.typeLine("rcpt to:util1")
	typed.has("250")
	c.eventually("new-0-", "exec", "1", "--", "cat /var/mail/util1")
	close(stop)
	senders.Wait()
	now := c.run("exec", "1", "--", "cat /var/mail/util1; ls")
	for body := range bodies(now) {
		if before[body] {
			t.Errorf("%s is of the old epoch", body)
		}
	}
	if strings.Contains(now, "mbox") || strings.Count(now, "Subject: Bienvenue") != 1 {
		t.Errorf("mail left something, or the starting mail is not there once: %.300s", now)
	}
}

func bodies(box string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(box) {
		if strings.HasPrefix(line, "old-") || strings.HasPrefix(line, "new-") {
			found[strings.TrimSpace(line)] = true
		}
	}
	return found
}

// leasedMailbox: a student's lock and a student's lease delay neither reset nor snapshot for more than two seconds.
func leasedMailbox(c *class, util1 *ssh.Client) {
	for name, hold := range map[string]string{"lock": "lockf(f,fcntl.LOCK_EX)", "lease": "fcntl(f,fcntl.F_SETLEASE,fcntl.F_WRLCK)"} {
		c.t.Run(name, func(t *testing.T) {
			session, err := util1.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			// A lease is granted when nobody else has the mailbox open, as the daemon has for moments (fcntl(2)).
			err = session.Start(`rm -f /tmp/held; exec python3 -c 'import fcntl,time,signal
signal.signal(signal.SIGIO, signal.SIG_IGN)
f=open("/var/mail/util1","r+")
while True:
  try:
    fcntl.` + hold + `
    break
  except BlockingIOError:
    time.sleep(0.01)
open("/tmp/held","w").close(); time.sleep(600)'`)
			if err != nil {
				t.Fatal(err)
			}
			c.eventually("held", "exec", "1", "--", "ls /tmp")
			for _, verb := range [][]string{{"snapshot", "save", "held-" + name, "--student", "1"}, {"reset", "1"}} {
				// An open that waits for the lease to be broken waits for the kernel's lease-break-time, 45 s; a lock is held for
				// ten minutes. Who is through before that has not waited for them.
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				if code, _, errs := c.try(ctx, verb...); code != 0 {
					t.Errorf("%v: exit code %d: %s", verb, code, errs)
				}
				cancel()
			}
		})
	}
}

// homeReset puts a home back with all that a student left in it, hidden files too.
func homeReset(c *class, util1 *ssh.Client) {
	output(c.t, util1, "mkdir -p .hidden/deep mail && echo x >.hidden/deep/file && echo y >mine && echo z >.bashrc && echo m >mail/Sent && chmod 0 .hidden/deep && rm fichier.txt", "")
	c.run("reset", "1", "--scope", "home")
	left := output(c.t, util1, "ls -A; cat .bashrc | head -3; ls mail", "")
	for _, gone := range []string{"mine", ".hidden"} {
		if strings.Contains(left, gone) {
			c.t.Errorf("%s is still there:\n%s", gone, left)
		}
	}
	for _, back := range []string{"fichier.txt", "executed by bash", "Sent"} {
		if !strings.Contains(left, back) {
			c.t.Errorf("%s is not there:\n%s", back, left)
		}
	}
}

// thereAndBack: a snapshot goes out of one instance, and comes back into it after everything was put back and changed.
func thereAndBack(c *class, at map[string]string, util1 *ssh.Client) {
	t := c.t
	deliver(t, at["smtp"], "util1", "kept-in-the-snapshot")
	output(t, util1, "echo mine >notes; mkfifo fifo; truncate -s 40M sparse; ln -s /etc/passwd link", "")
	look := "cat /var/mail/util1 notes; stat -c '%n %s %a %F' notes sparse link; grep -c status=sent /var/log/mail.log"
	before, uids := output(t, util1, look, ""), popUIDs(t, at["pop3"])
	c.run("snapshot", "save", "lesson")
	if code, _, errs := c.try(t.Context(), "snapshot", "save", "lesson"); code == 0 || !strings.Contains(errs, "snapshot rm lesson") {
		t.Errorf("a name twice: %d %s", code, errs)
	}
	file := filepath.Join(t.TempDir(), "lesson.tar")
	c.run("snapshot", "export", "lesson", file)
	deliver(t, at["smtp"], "util1", "after-the-snapshot")
	if got := c.run("snapshot", "diff", "lesson", "-o", "json"); strings.Count(got, "gained") != 1 || !strings.Contains(got, "after-the-snapshot") {
		t.Errorf("diff: %s", got)
	}
	c.run("reset", "--scope", "all")
	c.run("snapshot", "rm", "lesson")
	c.run("snapshot", "import", "again", file)
	damaged(c, file)
	c.run("snapshot", "restore", "again")
	if after := output(t, util1, look, ""); after != before {
		t.Errorf("was:\n%s\nis:\n%s", before, after)
	}
	if again := popUIDs(t, at["pop3"]); again != uids {
		t.Errorf("UIDLs were %s, are %s", uids, again)
	}
	c.run("reset", "--to", "again")
}

// damaged: an archive with one byte changed is not taken in.
func damaged(c *class, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	text[len(text)/3] ^= 0x40
	bad := file + ".bad"
	if err := os.WriteFile(bad, text, 0o600); err != nil {
		c.t.Fatal(err)
	}
	if code, _, _ := c.try(c.t.Context(), "snapshot", "import", "bad", bad); code == 0 {
		c.t.Error("a damaged snapshot came in")
	}
}

func popUIDs(t *testing.T, address string) string {
	t.Helper()
	var uids []string
	for line := range strings.Lines(lines(t, address, "user util1", "pass master2021", "uidl", "quit")) {
		if line[0] >= '0' && line[0] <= '9' {
			uids = append(uids, strings.TrimSpace(line))
		}
	}
	if len(uids) == 0 {
		t.Fatal("no UIDLs")
	}
	return strings.Join(uids, " ")
}

// passwords: the teacher's counts at once and survives another up, as does the student's own after it.
func passwords(c *class, at map[string]string) {
	word := strings.TrimSpace(c.run("passwd", "1", "--generate"))
	if _, err := ssh.Dial("tcp", at["ssh"], &ssh.ClientConfig{User: "util1", Auth: []ssh.AuthMethod{ssh.Password("master2021")}, HostKeyCallback: ssh.InsecureIgnoreHostKey()}); err == nil {
		c.t.Error("the old password still counts")
	}
	login(c.t, at["ssh"], "util1", word)
	if sheet := c.run("handout", "1"); !strings.Contains(sheet, word) {
		c.t.Error("the handout has another password")
	}
	c.run("up", "-y", "-f", "amiens-smtp-pop-imap", "--students", "2")
	client := login(c.t, at["ssh"], "util1", word)
	output(c.t, client, "passwd", word+"\nQuite-Another-1\nQuite-Another-1\n")
	c.run("up", "-y", "-f", "amiens-smtp-pop-imap", "--students", "2")
	login(c.t, at["ssh"], "util1", "Quite-Another-1")
}

// stuck: a sandbox whose daemon does not answer is restarted by a reset, which says so.
func stuck(c *class) {
	c.run("exec", "1", "--root", "--", "sh", "-c", "kill -STOP $(pgrep -x maild)")
	if out := c.run("reset", "1", "-o", "json"); !strings.Contains(out, `"restarted": true`) {
		c.t.Errorf("nothing is said of a restart: %s", out)
	}
	c.eventually(`"ready"`, "status", "1", "-o", "json")
}

// limits: a command is ended when its time is up, with what it started; what it leaves in the background does not hold it.
func limits(c *class) {
	for _, as := range [][]string{{"exec", "1"}, {"exec", "1", "--root"}} {
		if out := c.run(append(as, "--", "echo said; sleep 4242 & echo more")...); out != "said\nmore\n" {
			c.t.Errorf("%v: %q", as, out)
		}
		code, _, errs := c.try(c.t.Context(), append(as, "--timeout", "1s", "--", "sleep 4243; echo never")...)
		if code != 124 || !strings.Contains(errs, "not done after 1s") {
			c.t.Errorf("%v: %d, %s", as, code, errs)
		}
	}
	c.eventually("none", "exec", "1", "--root", "--", "pgrep -x sleep -a | grep -q 4243 || echo none")
	c.run("exec", "1", "--root", "--", "pkill -x sleep")
}

// lifetime: what has expired is pruned, what was given a longer life is not.
func lifetime(c *class) {
	c.run("extend", "1h")
	if out := c.run("prune", "--dry-run"); strings.Contains(out, c.name) {
		c.t.Errorf("it has not expired: %s", out)
	}
	later := *c
	later.env.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if out := later.run("prune", "--dry-run"); !strings.Contains(out, c.name) {
		c.t.Errorf("it has expired: %s", out)
	}
	c.run("extend", "--never")
	if out := later.run("prune", "--dry-run"); strings.Contains(out, c.name) {
		c.t.Errorf("it never expires: %s", out)
	}
	c.run("extend", "1h")
	later.run("prune", "-y")
	if out := c.run("ls", "-o", "json"); strings.Contains(out, `"`+c.name+`"`) {
		c.t.Errorf("it is still there: %s", out)
	}
}
