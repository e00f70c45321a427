package queue

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// captured are the messages that Postfix took in the reference dialogues, with what varies as the capture has it.
var captured = []struct {
	id, helo, protocol, sender string
	rcpts                      []string
	arrived, delivered         string
	body                       string
}{
	{"64631102295", "pv", "SMTP", "president@u-picardie.fr", []string{"util1@local.isri.fr"}, "20:25:29", "20:25:30",
		"test\nenvoie president\n"},
	{"A578510207E", "PV", "SMTP", "util2@local.isri.fr", []string{"util1@local.isri.fr"}, "20:25:31", "20:25:32",
		`Subject: test
Content-type: multipart/mixed; boundary=-----0000000000

This is a multi-part message in MIME format.
-------0000000000

Le contenu du message
bla bla ...
-------0000000000
Content-Type: text/plain; charset=UTF-8;
  name="fichier.txt"
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment;
  filename="fichier.txt"

Le contenu du fichier
bla bla ...
-------0000000000--
`},
	{"E6F671020A6", "pv", "ESMTP", "util1", []string{"util11", "util12"}, "20:25:33", "20:25:35",
		`From: util1@local.isri.fr
To: util11@local.isri.fr
Cc: nobody@elsewhere.example
Subject: deux destinataires

.une ligne qui commence par un point
From une ligne piege
`},
	{"9FE5B102295", "", "SMTP", "util1", []string{"util11"}, "20:26:10", "20:26:11", "bonjour\n"},
}

// TestAsPostfix takes the reference's messages and wants the reference's mailboxes, byte for byte, and the lines of
// its log that are ours to write.
func TestAsPostfix(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Domain = c.Hostname }) // the capture's myorigin
	for _, m := range captured {
		b.clock.now = at(t, m.delivered)
		env := &mail.Envelope{ID: m.id, ClientName: "unknown", ClientAddr: "172.17.0.1", Helo: m.helo, Protocol: m.protocol,
			Sender: mail.Address{Full: m.sender}, Arrived: at(t, m.arrived)}
		for _, r := range m.rcpts {
			env.Recipients = append(env.Recipients, mail.Recipient{Address: mail.Address{Typed: r}})
		}
		if err := b.Accept(t.Context(), env, strings.NewReader(strings.ReplaceAll(m.body, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range []string{"util1", "util11", "util12"} {
		want, err := os.ReadFile("testdata/postfix/spool-" + user + ".mbox")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.spool.read(user)); diff != "" {
			t.Errorf("mailbox of %s (-Postfix +ours):\n%s", user, diff)
		}
	}
	if diff := cmp.Diff(referenceLog(t), b.log.text()); diff != "" {
		t.Errorf("mail.log (-Postfix +ours):\n%s", diff)
	}
	if files, _ := os.ReadDir(b.cfg.Dir); len(files) != 2 { // tmp and corrupt
		t.Errorf("the fast way left something in the queue: %v", files)
	}
}

func at(t *testing.T, clock string) time.Time {
	t.Helper()
	v, err := time.Parse(time.DateTime, "2026-11-21 "+clock)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// referenceLog is what cleanup, qmgr and local wrote, without time, host, process number and delays.
func referenceLog(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/postfix/mail.log")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^.* postfix/((?:cleanup|qmgr|local))\[\d+\](.*)$`)
	delays := regexp.MustCompile(`, delay=[^,]*, delays=[^,]*`)
	var lines []string
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		lines = append(lines, delays.ReplaceAllString(m[1]+m[2], ""))
	}
	return strings.Join(lines, "\n")
}

// TestHeaders holds forms that the reference does not show; each was seen from Postfix 3.7.11.
func TestHeaders(t *testing.T) {
	const received = "Received: from pv (unknown [172.17.0.1])\n" +
		"\tby test6isri.local.isri.fr (Postfix) with SMTP id ID\n\tfor <util2>; DATE\n"
	const added = "Message-Id: <20261121202529.ID@test6isri.local.isri.fr>\nDate: DATE\nFrom: util1@local.isri.fr\n"
	for _, c := range []struct {
		name, body, want string
		size             string
	}{
		{"only headers", "Subject: only headers\r\n", received + "Subject: only headers\n" + added + "\n", "318"},
		{"nothing", "", received + added + "\n", ""},
		{"a pasted mailbox, Bcc, a blank before the colon", "From me\r\nSubject: a\r\nBcc: hidden\r\n b\r\nTo : x\r\n\r\nb\r\n",
			received + "X-Mailbox-Line: From me\nSubject: a\nTo: x\n" + added + "\nb\n", "344"},
		{"a body that begins with a blank", " indented\r\nSubject: a\r\n", received + added + "\n indented\nSubject: a\n", "320"},
		{"lone CR", "Subject: a\r\rb\r\nlong\r\r\n\r\nx\r\n", received + "Subject: a  b\n" + added + "\nlong\n\nx\n", ""},
		{"bare names of a stranger stay", "From: util1\r\nTo: util2\r\n\r\n",
			received + "From: util1\nTo: util2\n" + "Message-Id: <20261121202529.ID@test6isri.local.isri.fr>\nDate: DATE\n\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			id := b.send(t, c.body, "util1", "util2")
			_, got, _ := strings.Cut(b.spool.read("util2"), "Delivered-To: util2@local.isri.fr\n")
			got = strings.NewReplacer(id, "ID", "Sat, 21 Nov 2026 20:25:29 +0000 (UTC)", "DATE").Replace(got)
			if diff := cmp.Diff(c.want+"\n", got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if c.size != "" { // seen with queue IDs of ten letters, ours have eleven, twice
				seen := fmt.Sprintf("size=%d,", atoi(t, c.size)+2)
				if !strings.Contains(b.log.text(), seen) {
					t.Errorf("want %s in\n%s", seen, b.log.text())
				}
			}
		})
	}
}

// TestTwice: a recipient that is named twice gets one copy, and Received says for whom no more than with two.
func TestTwice(t *testing.T) {
	b := newBench(t, nil)
	b.send(t, "Subject: a\r\n\r\n", "util1", "util2", "Util2")
	box := b.spool.read("util2")
	if strings.Count(box, "\nSubject: a\n") != 1 || strings.Contains(box, "\tfor <") || !strings.Contains(b.log.text(), "nrcpt=1 ") {
		t.Errorf("%s\n%s", box, b.log.text())
	}
}

// TestExtension: what is behind a + chooses nothing, and stays in the address.
func TestExtension(t *testing.T) {
	b := newBench(t, nil)
	b.send(t, "Subject: a\r\n\r\n", "util1", "util2+tag")
	for _, want := range []string{"X-Original-To: util2+tag\n", "Delivered-To: util2+tag@local.isri.fr\n", "\tfor <util2+tag>; "} {
		if box := b.spool.read("util2"); !strings.Contains(box, want) {
			t.Errorf("%q is not in\n%s", want, box)
		}
	}
	b.log.wait(t, "local: ", "to=<util2+tag@local.isri.fr>, orig_to=<util2+tag>, relay=local", "status=sent")
}

// TestBareNamesOfTheMachine are completed, and written as Postfix writes what it has rewritten.
func TestBareNamesOfTheMachine(t *testing.T) {
	b := newBench(t, nil)
	env := &mail.Envelope{ID: b.NewID(), ClientName: "localhost", ClientAddr: "127.0.0.1", Protocol: "SMTP", Sender: mail.Address{Typed: "util1"},
		Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util2"}}}}
	if err := b.Accept(t.Context(), env, strings.NewReader("To:util14\nCc:  util15 , Bob<util3>\nSubject:x\n\n")); err != nil {
		t.Fatal(err)
	}
	want := "\nTo: util14@local.isri.fr\nCc: util15@local.isri.fr, Bob <util3@local.isri.fr>\nSubject:x\n"
	if box := b.spool.read("util2"); !strings.Contains(box, want) {
		t.Errorf("%q is not in\n%s", want, box)
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLongLinesCountAsInPostfix(t *testing.T) {
	b := newBench(t, nil)
	body := "Subject: long\r\n\r\n"
	for _, n := range []int{127, 128, 2048, 2049, 5000} {
		body += strings.Repeat("a", n) + "\r\n"
	}
	env := &mail.Envelope{ID: "3FBDBEE14A", ClientName: "unknown", ClientAddr: "172.17.0.1", Helo: "[1.2.3.4]", Protocol: "SMTP",
		Sender: mail.Address{Full: "util1"}, Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util4"}}}, Arrived: b.clock.Now()}
	if err := b.Accept(t.Context(), env, strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.log.text(), "size=9695,") {
		t.Errorf("want size=9695 in\n%s", b.log.text())
	}
	if got := b.spool.read("util4"); !strings.Contains(got, "\n"+strings.Repeat("a", 5000)+"\n") {
		t.Error("a long line did not come through whole")
	}
}

// TestSubmitted is what Postfix wrote for sendmail: no client, the full name, bare names completed.
func TestSubmitted(t *testing.T) {
	b := newBench(t, nil)
	env := &mail.Envelope{ID: "A0800EE158", Protocol: Submitted, UID: 1019, FullName: "Jean Dupont", Sender: mail.Address{Full: "jean"},
		Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util4"}}}, Arrived: b.clock.Now()}
	body := "Subject: a\nTo: util2, Bob <util3>\nBcc: util4\nCc: (x) util5@local.isri.fr\n\nhello\n.\nmore\n"
	if err := b.Accept(t.Context(), env, strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	want := `From jean@local.isri.fr  Sat Nov 21 20:25:29 2026
Return-Path: <jean@local.isri.fr>
X-Original-To: util4
Delivered-To: util4@local.isri.fr
Received: by test6isri.local.isri.fr (Postfix, from userid 1019)
	id A0800EE158; Sat, 21 Nov 2026 20:25:29 +0000 (UTC)
Subject: a
To: util2@local.isri.fr, Bob <util3@local.isri.fr>
Cc: (x) util5@local.isri.fr
Message-Id: <20261121202529.A0800EE158@test6isri.local.isri.fr>
Date: Sat, 21 Nov 2026 20:25:29 +0000 (UTC)
From: Jean Dupont <jean@local.isri.fr>

hello
.
more

`
	if diff := cmp.Diff(want, b.spool.read("util4")); diff != "" {
		t.Errorf("-Postfix +ours:\n%s", diff)
	}
}

func TestZone(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones on this machine:", err)
	}
	b := newBench(t, func(c *Config) { c.Location = paris })
	b.send(t, "x\r\n", "util1", "util2")
	got := b.spool.read("util2")
	for _, want := range []string{"Date: Sat, 21 Nov 2026 21:25:29 +0100 (CET)\n", "Message-Id: <20261121202529."} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		body  string
		fail  error
		rcpts []string
		want  string
	}{
		{"fifty hops", strings.Repeat("Received: x\r\n", 49), nil, []string{"util1"}, "554 5.4.0 Error: too many hops"},
		{"too big", strings.Repeat("x\r\n", 4000), nil, []string{"util1"}, "552 5.3.4 Error: message file too big"},
		{"disk full", "x\r\n", mail.ErrFull, []string{"util1"}, "452 4.3.1 Insufficient system storage"},
		{"mailbox at its limit", "x\r\n", mail.ErrTooBig, []string{"util1"}, "552 5.2.2 Mailbox is full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.SizeLimit = 10_000 })
			b.spool.fail["util1"] = c.fail
			env := &mail.Envelope{ID: b.NewID(), ClientAddr: "172.17.0.1", Sender: mail.Address{Full: "util2"}, Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util1"}}}}
			err := b.Accept(t.Context(), env, strings.NewReader(c.body))
			var e *mail.Reply
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *mail.Reply", err)
			}
			if got := fmt.Sprintf("%d %s %s", e.Code, e.Enhanced, e.Text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(b.List()) > 0 || b.spool.read("util1") != "" {
				t.Error("a refused message was kept")
			}
		})
	}
}

// TestOneOfTwoFails keeps for later what one mailbox cannot take, and only that.
func TestOneOfTwoFails(t *testing.T) {
	b := newBench(t, nil)
	b.spool.fail["util2"] = fmt.Errorf("mailbox of util2: %w", mail.ErrFull)
	id := b.send(t, "x\r\n", "util3", "util1", "util2")
	b.log.wait(t, id, "to=<util1@local.isri.fr>", "status=sent")
	b.log.wait(t, id, "to=<util2@local.isri.fr>", "dsn=4.2.2, status=deferred")
	if got := b.List(); len(got) != 1 || len(got[0].Recipients) != 1 || got[0].Recipients[0].Address != "util2@local.isri.fr" {
		t.Fatalf("got %+v, want util2 waiting", got)
	}
	b.run(t)
	b.spool.mu.Lock()
	delete(b.spool.fail, "util2")
	b.spool.mu.Unlock()
	b.clock.forward(31 * time.Second)
	b.log.wait(t, id, "removed")
	if n := strings.Count(b.spool.read("util1"), "Return-Path"); n != 1 {
		t.Errorf("util1 got %d copies", n)
	}
	if n := strings.Count(b.spool.read("util2"), "Return-Path"); n != 1 {
		t.Errorf("util2 got %d copies", n)
	}
}
