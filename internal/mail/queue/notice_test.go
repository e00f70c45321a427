package queue

import (
	"context"
	"mime"
	"mime/multipart"
	"net"
	netmail "net/mail"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"maillab/internal/mail"
	"maillab/internal/spec"

	"github.com/google/go-cmp/cmp"
)

// forwarding gives accounts a .forward.
func forwarding(forward map[string]string) func(*Config) {
	return func(c *Config) { c.Accounts = people{forward} }
}

// settle takes out of a mailbox what differs between two runs: queue IDs, dates, the reports' time stamps.
func settle(s string) string {
	s = regexp.MustCompile(`\b[0-9A-F]{10,11}\b`).ReplaceAllString(s, "ID")
	s = regexp.MustCompile(`\w{3}, \d\d Nov 2026 \d\d:\d\d:\d\d`).ReplaceAllString(s, "DATE")
	s = regexp.MustCompile(`\w{3} Nov \d\d \d\d:\d\d:\d\d 2026`).ReplaceAllString(s, "DATE")
	s = regexp.MustCompile(`<\d{14}\.`).ReplaceAllString(s, "<STAMP.")
	return regexp.MustCompile(`ID\.\d+/`).ReplaceAllString(s, "ID.TIME/")
}

// TestForwardingLoop is util8 and util9 forwarding to each other: Postfix's report about it, byte for byte.
func TestForwardingLoop(t *testing.T) {
	b := newBench(t, forwarding(map[string]string{"util8": "util9\n", "util9": "util8"}))
	b.run(t)
	id := b.send(t, "Subject: loop\r\n\r\nx\r\n", "util1", "util8")
	b.log.wait(t, "local: "+id+": to=<util8@local.isri.fr>, orig_to=<util8>, relay=local, dsn=2.0.0, status=sent (forwarded as ")
	b.log.wait(t, "dsn=5.4.6, status=bounced (mail forwarding loop for util8@local.isri.fr)")
	b.log.wait(t, "to=<util1@local.isri.fr>", "status=sent (delivered to mailbox)")
	want, err := os.ReadFile("testdata/postfix/loop-report.mbox")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settle(string(want)), settle(once(b.spool.read("util1")))); diff != "" {
		t.Errorf("-Postfix +ours:\n%s", diff)
	}
}

// once drops a trace header and a Delivered-To from the returned message: Postfix delivers util9's copy under the queue
// ID of util8's and so has one hop less.
func once(s string) string {
	hop := regexp.MustCompile(`Received: by test6isri\.local\.isri\.fr \(Postfix\)\n\tid \w+; .*\nDelivered-To: util9@local\.isri\.fr\n`)
	return hop.ReplaceAllString(s, "")
}

// TestForwardToSelfAndOthers keeps a copy and sends one on.
func TestForwardToSelfAndOthers(t *testing.T) {
	b := newBench(t, forwarding(map[string]string{"util6": "# comment\n\\util6, util7"}))
	b.run(t)
	id := b.send(t, "Subject: fwd self+7\r\n\r\nx\r\n", "util1", "util6")
	b.log.wait(t, id, "to=<util6@local.isri.fr>", "status=sent (delivered to mailbox)")
	b.log.wait(t, id, "to=<util6@local.isri.fr>", "status=sent (forwarded as ")
	b.log.wait(t, "to=<util7@local.isri.fr>, orig_to=<util6>", "status=sent (delivered to mailbox)")
	b.log.wait(t, id+": removed")
	want := `From util1@local.isri.fr  DATE
Return-Path: <util1@local.isri.fr>
X-Original-To: util6
Delivered-To: util7@local.isri.fr
Received: by test6isri.local.isri.fr (Postfix)
	id ID; DATE +0000 (UTC)
Delivered-To: util6@local.isri.fr
Received: from pv (unknown [172.17.0.1])
	by test6isri.local.isri.fr (Postfix) with SMTP id ID
	for <util6>; DATE +0000 (UTC)
Subject: fwd self+7
Message-Id: <STAMP.ID@test6isri.local.isri.fr>
Date: DATE +0000 (UTC)
From: util1@local.isri.fr

x

`
	if diff := cmp.Diff(want, settle(b.spool.read("util7"))); diff != "" {
		t.Errorf("-Postfix +ours:\n%s", diff)
	}
	if n := strings.Count(b.spool.read("util6"), "Return-Path"); n != 1 {
		t.Errorf("util6 has %d copies", n)
	}
	// Postfix went from 321 to 459; our IDs are one letter longer, here in Received.
	if got := b.log.text(); !strings.Contains(got, "size=323,") || !strings.Contains(got, "size=462,") {
		t.Errorf("sizes differ from Postfix's in\n%s", got)
	}
}

// TestForwardOutside goes to the outside, and stays in the queue there.
func TestForwardOutside(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Accounts, c.Dial = people{map[string]string{"util5": "Moi <quelquun@example.com>"}}, timeouts
	})
	b.run(t)
	b.send(t, "x\r\n", "util1", "util5")
	b.log.wait(t, "to=<quelquun@example.com>, orig_to=<util5>", "status=deferred")
	if b.spool.read("util5") != "" {
		t.Error("the mailbox has a copy that nobody asked for")
	}
}

// TestDoubleBounce tells postmaster, and nobody when that fails too.
func TestDoubleBounce(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Aliases = map[string]string{"postmaster": "util3"}
		c.Accounts = people{map[string]string{"util8": "gone@example.net"}}
	})
	b.run(t)
	b.send(t, "x\r\n", "", "util8") // forwarded to where nobody relays
	b.log.wait(t, "bounce: ", "postmaster non-delivery notification: ")
	b.log.wait(t, "from=<double-bounce@test6isri.local.isri.fr>")
	b.log.wait(t, "to=<util3@local.isri.fr>, orig_to=<postmaster>", "delivered to mailbox")
	got := b.spool.read("util3")
	for _, want := range []string{"Subject: Postmaster Copy: Undelivered Mail\n", "Return-Path: <MAILER-DAEMON@test6isri",
		"<gone@example.net> (expanded from <util8>): Relay access denied\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}

	b = newBench(t, forwarding(map[string]string{"util3": "gone@example.net"}))
	b.cfg.Aliases = map[string]string{"postmaster": "util3"}
	b.open(t)
	b.run(t)
	b.send(t, "x\r\n", "", "util3")
	b.log.wait(t, "undeliverable postmaster notification discarded")
	b.log.wait(t, "removed")
}

func TestNotify(t *testing.T) {
	b := newBench(t, forwarding(map[string]string{"util8": "gone@example.net"}))
	b.run(t)
	send := func(typed string, notify ...string) string {
		env := &mail.Envelope{ID: b.NewID(), ClientName: "unknown", ClientAddr: "172.17.0.1", Helo: "pv", Protocol: "ESMTP",
			Sender: mail.Address{Full: "util1"}, EnvID: "abc", Recipients: []mail.Recipient{{Address: mail.Address{Typed: typed}, Notify: notify, ORcpt: "rfc822;toto@x.fr"}},
			Arrived: b.clock.Now()}
		if err := b.Accept(t.Context(), env, strings.NewReader("Subject: s\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
		return env.ID
	}
	never := send("util8", "NEVER")
	b.log.wait(t, never+": removed")
	b.log.wait(t, "to=<gone@example.net>", "dsn=5.7.1, status=bounced (Relay access denied)")

	success := send("util4", "SUCCESS")
	b.log.wait(t, success+": sender delivery status notification: ")
	b.log.wait(t, success+": removed")
	got := b.spool.read("util1")
	for _, want := range []string{"Subject: Successful Mail Delivery Report\n", "Action: delivered\nStatus: 2.0.0\n",
		"Original-Envelope-Id: abc\n", "Original-Recipient: rfc822;toto@x.fr\n", "Content-Type: text/rfc822-headers\n",
		"<util4@local.isri.fr> (expanded from <util4>): delivery via local: delivered to\n    mailbox\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "Return-Path: <>\n"); n != 1 {
		t.Errorf("util1 got %d reports, want the one about success", n)
	}
}

// TestDelayReport is NOTIFY=DELAY and a server that cannot be reached: Postfix's warning about it, byte for byte but for
// the times, which are a lesson's, and for what went wrong. It comes once, a restart or not, and only for who asked.
func TestDelayReport(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Outside = []spec.Outside{{Domain: "slow.example", MX: "mx.{domain}", Address: "192.0.2.25"}}
		c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	})
	stop := b.run(t)
	send := func(sender string, notify ...string) string {
		env := &mail.Envelope{ID: b.NewID(), Protocol: Submitted, FullName: "root", Sender: mail.Address{Full: sender}, Arrived: b.clock.Now(),
			Recipients: []mail.Recipient{{Address: mail.Address{Typed: "x@slow.example"}, Notify: notify}}}
		if err := b.Accept(t.Context(), env, strings.NewReader("Subject: slow\nX-Y: z\n\nbody\n")); err != nil {
			t.Fatal(err)
		}
		return env.ID
	}
	id := send("util1@local.isri.fr", "DELAY")
	others := []string{send("util2@local.isri.fr"), send("util3@local.isri.fr", "SUCCESS", "FAILURE"), send("", "DELAY")}
	for _, id := range append(others, id) {
		b.log.wait(t, id, "status=deferred (connect to mx.slow.example[192.0.2.25]:25: Connection refused)")
	}
	retry := func() {
		t.Helper()
		before := strings.Count(b.log.text(), "status=deferred")
		b.clock.forward(5 * time.Minute)
		b.Flush()
		b.log.waitFor(t, "all are tried again", func(text string) bool { return strings.Count(text, "status=deferred") >= before+4 }) // some twice, by the clock and by the flush
	}
	retry()
	b.log.wait(t, "bounce: "+id+": sender delay notification: ")
	b.log.wait(t, "to=<util1@local.isri.fr>", "delivered to mailbox")
	stop()
	b.open(t)
	stop = b.run(t)
	retry()
	stop()
	if n := strings.Count(b.log.text(), " notification: "); n != 1 {
		t.Errorf("%d notifications in\n%s", n, b.log.text())
	}
	want, err := os.ReadFile("testdata/postfix/delay-report.mbox")
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.NewReplacer("0 hour(s)", "5 minute(s)", "5 day(s)", "1 day(s)", "Status: 4.0.0", "Status: 4.4.1",
		"<x@slow.example>: 4.4.1:try_again_later", "<x@slow.example>: connect to mx.slow.example[192.0.2.25]:25: Connection refused",
		"4.4.1:try_again_later", "connect to mx.slow.example[192.0.2.25]:25:\n    Connection refused").Replace(string(want))
	if diff := cmp.Diff(settle(theirs), settle(b.spool.read("util1"))); diff != "" {
		t.Errorf("-Postfix +ours:\n%s", diff)
	}
}

// TestReportIsMIME reads a report as a mail program does.
func TestReportIsMIME(t *testing.T) {
	b := newBench(t, forwarding(map[string]string{"util8": "gone@example.net"}))
	b.run(t)
	b.send(t, "Subject: s\r\n\r\n"+strings.Repeat("long body\r\n", 6000), "util1", "util8")
	b.log.wait(t, "to=<util1@local.isri.fr>", "delivered to mailbox")
	_, text, _ := strings.Cut(b.spool.read("util1"), "\n")
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextPart()
		if err != nil {
			break
		}
		types = append(types, p.Header.Get("Content-Type"))
	}
	want := []string{"text/plain; charset=utf-8", "message/delivery-status", "text/rfc822-headers"} // too long to send back
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
