//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// status is what the tests read of status -o json.
type status struct {
	Instance  string
	Topology  string
	Sandboxes []sandboxStatus
}

type sandboxStatus struct {
	Seat      int
	Student   string
	Students  []string
	State     string
	Addresses map[string]string
	Accounts  []struct {
		Name             string
		Messages, Unread int
	}
}

func (c *class) status() status {
	c.t.Helper()
	var s status
	if err := json.Unmarshal([]byte(c.run("status", "-o", "json")), &s); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// TestAmiens is the first lab sheet, by hand: two students' servers, dialogues from outside and from inside, and what
// mail, the spool, the log, POP3 and IMAP then say of them.
func TestAmiens(t *testing.T) {
	t.Parallel()
	c := newClass(t, "amiens")
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "2")
	s := c.status()
	if len(s.Sandboxes) != 2 || s.Sandboxes[0].State != "ready" || s.Sandboxes[1].State != "ready" {
		t.Fatalf("two students' sandboxes should be ready: %+v", s)
	}
	// The second student's server is for what must start from an empty spool; the first one's for everything else.
	first, second := s.Sandboxes[0].Addresses, s.Sandboxes[1].Addresses

	t.Run("SMTPFromOutside", func(t *testing.T) {
		for _, file := range dialogues(t) {
			t.Run(filepath.Base(file), func(t *testing.T) { telnet(t, second["smtp"]).play(file, normal) })
		}
		t.Run("Spool", func(t *testing.T) { compareSpools(t, second["ssh"]) })
		t.Run("Log", func(t *testing.T) { compareLog(c.with(t), s.Sandboxes[1].Student) })
	})
	util1 := login(t, first["ssh"], "util1", "master2021")
	t.Run("SMTPFromInside", func(t *testing.T) {
		for _, name := range []string{"01-seed-spoof.txt", "02-seed-attachment.txt", "08-no-helo.txt"} {
			term := onTerminal(t, util1, "telnet localhost 25")
			term.play("../mail/smtp/testdata/reference/"+name, normal)
		}
	})
	t.Run("MailShowsIt", func(t *testing.T) { readWithMail(t, first) })
	t.Run("MailSendsIt", func(t *testing.T) { sendWithMail(t, first) })
	t.Run("POP3AndIMAPGiveTheSameBytes", func(t *testing.T) { sameBytes(t, first) })
	t.Run("IMAPOfTheSheet", func(t *testing.T) {
		telnet(t, first["smtp"]).play("testdata/amiens-tech.txt", normal)
		onTerminal(t, login(t, first["ssh"], "tech", "mdp"), "telnet localhost 143").play("testdata/amiens-imap.txt", normal)
	})
	t.Run("OutsideStaysInTheQueue", func(t *testing.T) {
		telnet(t, first["smtp"]).play("testdata/amiens-outside.txt", normal)
		log := c.with(t).eventually("status=deferred", "logs", s.Sandboxes[0].Student)
		want := "status=deferred (connect to mx.example.com[192.0.2.25]:25: Connection timed out)"
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	})
	t.Run("NothingCrosses", func(t *testing.T) {
		before := c.with(t).status().Sandboxes[1].Accounts
		telnet(t, first["smtp"]).play("../mail/smtp/testdata/reference/08-no-helo.txt", normal)
		if d := cmp.Diff(before, c.with(t).status().Sandboxes[1].Accounts); d != "" {
			t.Errorf("mail of one student changed the other's mailboxes:\n%s", d)
		}
	})
	t.Run("Isolation", func(t *testing.T) { isolation(c.with(t)) })
	t.Run("UpAgainDoesNothing", func(t *testing.T) {
		if plan := c.with(t).run("up", "-f", "amiens-smtp-pop-imap", "--students", "2", "--dry-run"); plan != "nothing to do\n" {
			t.Errorf("up again would: %s", plan)
		}
	})
}

// with is the same class for a subtest.
func (c *class) with(t *testing.T) *class {
	again := *c
	again.t = t
	return &again
}

// dialogues are those captured from Postfix, in their order. Two are kept here in another form: this lab offers no
// STARTTLS, and it takes mail for everywhere, as the captured Postfix did.
func dialogues(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../mail/smtp/testdata/reference/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for i, file := range files {
		own := filepath.Join("testdata/smtp", filepath.Base(file))
		if _, err := os.Stat(own); err == nil {
			files[i] = own
		}
	}
	return files
}

// compareSpools holds the second student's mailboxes against what Postfix wrote for the same dialogues.
func compareSpools(t *testing.T, address string) {
	for _, account := range []string{"util1", "util11", "util12"} {
		want, err := os.ReadFile("testdata/spool-" + account + ".mbox")
		if err != nil {
			t.Fatal(err)
		}
		got := output(t, login(t, address, account, "master2021"), "cat /var/mail/"+account, "")
		seen := messages(normal(got))
		if account == "util1" {
			seen = seen[1:] // the lab's own first mail
		}
		if d := cmp.Diff(messages(normal(string(want))), seen); d != "" {
			t.Errorf("/var/mail/%s: -Postfix +ours\n%s", account, d)
		}
	}
}

// compareLog holds the second student's mail.log against Postfix's, line by line in the order of each process.
func compareLog(c *class, student string) {
	want, err := os.ReadFile("testdata/mail.log")
	if err != nil {
		c.t.Fatal(err)
	}
	got := c.run("logs", student)
	lines := func(text string) (all []string) {
		for line := range strings.Lines(text) {
			line = loose(strings.TrimSuffix(line, "\n"))
			if !strings.Contains(line, "postfix-script") && !strings.Contains(line, "postfix/master") {
				all = append(all, line)
			}
		}
		return all
	}
	if d := cmp.Diff(lines(string(want)), lines(got)); d != "" {
		c.t.Errorf("mail.log: -Postfix +ours\n%s", d)
	}
}
