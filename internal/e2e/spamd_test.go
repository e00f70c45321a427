//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const judged = `apiVersion: maillab/v1
name: judged
title: A real SpamAssassin
lang: en
hostname: mx
between: {domain: "{student}.lab"}
timezone: UTC
accounts: [{name: "{student}", password: secret2021}]
services: {smtp: {verify: {spf: mark}, filter: {tagged: -999, spamd: true}}, ssh: {}}
publish: {mode: ports, listen: 127.0.0.1, base: 21000}
`

// begging is a body that only a SpamAssassin finds something in.
const begging = "Dear friend, I am the widow of a banker. Click here http://1.2.3.4/x to transfer US$ 10,000,000 million dollars.\n"

// TestSpamAssassin: a class has one real SpamAssassin, whose tests and points stand in the students' mail; it is the same that its own program finds
// in the same text. Stopped it holds nothing up, status says so, and up has it back; a lab that does not want it any more takes it away.
func TestSpamAssassin(t *testing.T) {
	t.Parallel()
	c := newClass(t, "judged")
	dir := t.TempDir()
	lab := func(text string) string {
		file := filepath.Join(dir, "lab.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	class := filepath.Join(dir, "class.csv")
	if err := os.WriteFile(class, []byte("key\nalice\nbob\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("up", "-y", "-f", lab(judged), "--class", class)
	alice, bob := c.shell("alice"), c.shell("bob")
	container := "maillab-" + c.name + "-filter"

	t.Run("Tests", func(t *testing.T) { sameTests(t, alice, container) })
	t.Run("FromANeighbour", func(t *testing.T) {
		output(t, bob, "mail -s 'from bob' alice@alice.lab", begging)
		arrives(t, alice, "from bob")
		box := output(t, alice, "cat /var/mail/alice", "")
		header := box[strings.LastIndex(box, "\nX-Virus-Scanned: Debian amavisd-new at alice.lab"):] // bob's server has judged it, too
		header = header[:strings.Index(header, "\nReceived: from mx.bob.lab (")]
		if !strings.Contains(header, "DEAR_FRIEND=") || !strings.Contains(header, "SPF_NONE=0.001") { // one found by each
			t.Errorf("a neighbour's mail has\n%s", header)
		}
	})
	t.Run("Nobody", func(t *testing.T) { // what a student can reach of it
		for what, command := range map[string]string{
			"the socket on which sandboxes register": "ls /srv/gateway/socket",
			"spamd's port":                           "timeout 2 nc 127.0.0.1 783 </dev/null || echo refused",
		} {
			if out := output(t, alice, command, ""); !strings.Contains(out, "Permission denied") && !strings.Contains(out, "refused") {
				t.Errorf("%s: %q", what, out)
			}
		}
	})
	t.Run("Away", func(t *testing.T) {
		c := c.with(t)
		if out, err := exec.Command("docker", "stop", container).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		output(t, alice, "mail -s unjudged alice", "hello\n")
		arrives(t, alice, "unjudged")
		logged(t, alice, "(!)SpamdClient client failed: can")
		output(t, alice, "mail -s meanwhile alice", "hello\n")
		arrives(t, alice, "meanwhile")
		logged(t, alice, "SpamdClient: spamd does not answer: the rules on board judge, and it is asked again at ")
		c.eventuallySaid("the class's SpamAssassin is stopped: maillab up repairs it", "status")
		c.run("up", "-y", "-f", lab(judged), "--class", class)
		for by := time.Now().Add(5 * time.Minute); ; { // a server that it did not answer asks it again after half a minute
			output(t, alice, "mail -s again alice", begging)
			arrives(t, alice, "again")
			box := output(t, alice, "cat /var/mail/alice", "")
			if strings.Contains(box[strings.LastIndex(box, "\nX-Virus-Scanned: "):], "DEAR_FRIEND=") {
				break
			}
			if time.Now().After(by) {
				t.Fatalf("after up nobody judges:\n%s", box)
			}
			time.Sleep(time.Second)
		}
	})
	t.Run("NotWantedAnyMore", func(t *testing.T) {
		c := c.with(t)
		c.run("up", "-y", "-f", lab(strings.Replace(judged, ", spamd: true", "", 1)), "--class", class)
		if err := exec.Command("docker", "inspect", container).Run(); err == nil {
			t.Error("it is still there")
		}
		output(t, alice, "mail -s board alice", begging)
		arrives(t, alice, "board")
		if box := output(t, alice, "cat /var/mail/alice", ""); strings.Contains(box[strings.LastIndex(box, "\nX-Virus-Scanned: "):], "DEAR_FRIEND=") {
			t.Errorf("the rules on board read what mail says:\n%s", box)
		}
	})
}

// arrives waits for a message in a student's own mailbox.
func arrives(t *testing.T, student *ssh.Client, subject string) {
	t.Helper()
	if out := output(t, student, "timeout 60 sh -c 'until grep -F \"Subject: \" /var/mail/$USER | grep -F \""+subject+"\"; do sleep 0.1; done'; true", ""); out == "" {
		t.Fatalf("%q does not arrive:\n%s", subject, output(t, student, "tail -20 /var/log/mail.log", ""))
	}
}

// testNames are those of a header's X-Spam-Status, and those that SpamAssassin's own program tells.
var testNames = regexp.MustCompile(`[A-Z][A-Z0-9_]+`)

// sameTests hands in messages of several kinds; each has in its header the tests that SpamAssassin's own program finds in the text as the
// filter had it.
func sameTests(t *testing.T, alice *ssh.Client, container string) {
	const whole = "Date: Mon, 30 Nov 2026 08:00:00 +0000\nMessage-ID: <abcdefgh.1@alice.lab>\n"
	for name, text := range map[string]string{
		"plain":    "From: alice@alice.lab\nTo: alice@alice.lab\nSubject: plain\n" + whole + "\nhello, all is well\n",
		"begging":  "From: alice@alice.lab\nTo: alice@alice.lab\nSubject: begging\n" + whole + "\n" + begging,
		"capitals": "From: alice@alice.lab\nTo: alice@alice.lab\nSubject: CAPITALS ALL OVER THE PLACE\n" + whole + "\nhello\n",
		"nobody":   "Subject: nobody\n" + whole + "\nhello\n",
		"html":     "From: alice@alice.lab\nTo: alice@alice.lab\nSubject: html\nMIME-Version: 1.0\nContent-Type: text/html\n" + whole + "\n<html><body><a href=\"http://a.example/\">click</a></body></html>\n",
	} {
		output(t, alice, "rm -f mbox; : >/var/mail/alice; /usr/sbin/sendmail alice@alice.lab", text)
		arrives(t, alice, map[bool]string{true: "CAPITALS", false: name}[name == "capitals"])
		box := output(t, alice, "cat /var/mail/alice", "")
		_, behind, found := strings.Cut(box, "\nX-Spam-Status: ")
		status, _, _ := strings.Cut(behind, " autolearn=")
		_, tests, _ := strings.Cut(status, "tests=[")
		_, sent, filtered := strings.Cut(box, "(amavisd-new, port 10024)")
		at := strings.Index(sent, "\nReceived: ")
		if !found || !filtered || at < 0 {
			t.Fatalf("%s: no filter has seen\n%s", name, box)
		}
		own := exec.Command("docker", "exec", "-i", container, "spamassassin", "--siteconfigpath=/etc/spamassassin")
		own.Stdin = strings.NewReader(strings.TrimSuffix(sent[at+1:], "\n"))
		out, err := own.Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, report, _ := strings.Cut(string(out), "X-Spam-Status: ")
		_, report, _ = strings.Cut(report, "tests=")
		report, _, _ = strings.Cut(report, "autolearn=")
		got, want := testNames.FindAllString(tests, -1), testNames.FindAllString(report, -1)
		slices.Sort(got)
		slices.Sort(want)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: in the header %v, by its own program %v", name, got, want)
		}
	}
}
