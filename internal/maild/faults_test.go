package maild

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/fault"
)

// goWrong puts faults in force, as a teacher types them.
func (b *sandboxed) goWrong(lines ...string) {
	b.t.Helper()
	for _, line := range lines {
		f, err := fault.Parse(strings.Fields(line))
		if err == nil {
			err = faultsOf{b.Daemon}.ChangeFaults(false, nil, []fault.Fault{f})
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// told are what went wrong on purpose, by the records of dialogues.
func (b *sandboxed) told() (faults []string) {
	b.t.Helper()
	for _, a := range b.cfg.Spec.Accounts {
		err := b.grading.Records().Dialogues(b.t.Context(), a.Student, func(d dialogue.Dialogue) error {
			for _, l := range d.Lines {
				if l.Kind == dialogue.Fault {
					faults = append(faults, l.Text)
				}
			}
			return nil
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return faults
}

// TestReplies: each command is refused in the words that the teacher wants, as often as wanted, the log has it as Postfix logs a
// refusal, and the next try succeeds.
func TestReplies(t *testing.T) {
	b := start(t, 1, alone, func(c *Config) { c.Spec.Services.SMTP.Auth = "optional" })
	b.goWrong("smtp error command=connect code=421 times=1")
	c, err := textproto.Dial("tcp", b.addresses["smtp"])
	if err != nil {
		t.Fatal(err)
	}
	if _, text, err := c.ReadResponse(421); err != nil || text != "4.3.0 Error: temporary failure, try again later" {
		t.Errorf("%q, %v", text, err)
	}
	c.Close()
	if c, err = textproto.Dial("tcp", b.addresses["smtp"]); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	b.goWrong("smtp error command=helo code=550 times=1", "smtp error command=mail times=1", "smtp error command=rcpt code=451 times=2", "smtp error command=data code=452 times=1")
	for _, step := range []struct {
		line string
		code int
	}{
		{"EHLO pv", 550}, {"EHLO pv", 250}, {"MAIL FROM:<util1@test>", 451}, {"MAIL FROM:<util1@test>", 250},
		{"RCPT TO:<nobody@test>", 550}, {"RCPT TO:<util1@test>", 451}, {"RCPT TO:<util1@test>", 451}, {"RCPT TO:<util1@test>", 250},
		{"DATA", 452}, {"DATA", 354}, {"Subject: x\r\n\r\nhello\r\n.", 250}, {"QUIT", 221},
	} {
		if _, err := c.Cmd("%s", step.line); err != nil {
			t.Fatal(err)
		}
		if code, text, err := c.ReadResponse(step.code); err != nil {
			t.Fatalf("%s: %d %s", step.line, code, text)
		}
	}
	b.wait("the message", func() bool { return b.count("util1") == 2 })
	log := b.log(t)
	for _, want := range []string{
		"NOQUEUE: reject: CONNECT from localhost[127.0.0.1]: 421 4.3.0 Error: temporary failure, try again later; proto=SMTP",
		"NOQUEUE: reject: RCPT from localhost[127.0.0.1]: 451 4.3.0 Error: temporary failure, try again later; from=<util1@test> to=<util1@test> proto=ESMTP helo=<pv>",
		": reject: DATA from localhost[127.0.0.1]: 452 4.3.0 Error: temporary failure, try again later; from=<util1@test> to=<util1@test>",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
}

// TestGreylisted: who is unknown is sent away, and comes in by the same envelope later.
func TestGreylisted(t *testing.T) {
	b := start(t, 1, alone)
	b.goWrong("smtp greylist delay=1ms")
	try := func() error {
		return smtp.SendMail(b.addresses["smtp"], nil, "util1@test", []string{"util1@test"}, []byte("Subject: x\r\n\r\nhello\r\n"))
	}
	if err := try(); err == nil || !strings.Contains(err.Error(), "4.2.0 <util1@test>: Recipient address rejected: Greylisted") {
		t.Fatalf("the first time: %v", err)
	}
	b.wait("the second try is taken", func() bool { return try() == nil })
}

// TestOneRefusal: one recipient is refused for one reason at a time; whom an error turned away greylisting has not seen.
func TestOneRefusal(t *testing.T) {
	b := start(t, 1, alone)
	b.goWrong("smtp error command=rcpt times=1", "smtp greylist delay=1m")
	for i, want := range []string{"4.3.0 Error: temporary failure", "4.2.0 <util1@test>: Recipient address rejected: Greylisted"} {
		err := smtp.SendMail(b.addresses["smtp"], nil, "util1@test", []string{"util1@test"}, []byte("Subject: x\r\n\r\nhello\r\n"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q, got %v", want, err)
		}
		for _, f := range b.faults.InForce() {
			if is := f.Type == "greylist"; is && f.Struck != i || !is && f.Struck != 1 {
				t.Errorf("after try %d: %s struck %d times", i+1, f.Fault, f.Struck)
			}
		}
	}
}

// TestCutInData: the connection breaks off in the message, which nobody has then; the log says where, and the record that it was on purpose.
func TestCutInData(t *testing.T) {
	b := start(t, 1, alone)
	b.goWrong("smtp limit_data bytes=100 command=data times=1")
	text := []byte("Subject: x\r\n\r\n" + strings.Repeat("a line of the message\r\n", 20))
	if err := smtp.SendMail(b.addresses["smtp"], nil, "util1@test", []string{"util1@test"}, text); err == nil {
		t.Fatal("a message that was cut is acknowledged")
	}
	b.wait("where it broke off", func() bool { return strings.Contains(b.log(t), "lost connection after DATA (") })
	if n := b.count("util1"); n != 1 {
		t.Errorf("%d messages", n)
	}
	if err := smtp.SendMail(b.addresses["smtp"], nil, "util1@test", []string{"util1@test"}, text); err != nil || b.count("util1") != 2 {
		t.Errorf("the second try: %v, %d messages", err, b.count("util1"))
	}
	if told := b.told(); len(told) != 1 || told[0] != "smtp limit_data command=data times=1 bytes=100" {
		t.Errorf("told: %q", told)
	}
}

// TestFullMailbox: mail for a mailbox that is full on purpose is taken, waits, and comes; what the teacher sends is spared.
func TestFullMailbox(t *testing.T) {
	b := start(t, 1, alone)
	b.goWrong("mailbox full times=1")
	if err := b.Daemon.Send(t.Context(), control.Send{To: []string{"util1"}, Raw: []byte("Subject: from the teacher\n\nx\n")}); err != nil || b.count("util1") != 2 {
		t.Fatalf("the teacher's: %v, %d messages", err, b.count("util1"))
	}
	if err := smtp.SendMail(b.addresses["smtp"], nil, "util1@test", []string{"util1@test"}, []byte("Subject: x\r\n\r\nhello\r\n")); err != nil {
		t.Fatal(err)
	}
	b.wait("that it waits", func() bool {
		return strings.Contains(b.log(t), "dsn=4.2.2, status=deferred (cannot update mailbox: Disk quota exceeded)")
	})
	b.queue.Flush()
	b.wait("that it comes", func() bool { return b.count("util1") == 3 })
}

// TestSparedLater: what the teacher sends is spared also when it waits.
func TestSparedLater(t *testing.T) {
	b := start(t, 1, alone)
	b.goWrong("mailbox full")
	b.turn(false)
	if err := b.Daemon.Send(t.Context(), control.Send{To: []string{"util1"}, Raw: []byte("Subject: from the teacher\n\nx\n")}); err != nil {
		t.Fatal(err)
	}
	b.turn(true)
	b.wait("that it comes, or waits", func() bool { return b.count("util1") == 2 || strings.Contains(b.log(t), "status=deferred") })
	if f := b.faults.InForce()[0]; f.Struck > 0 || b.count("util1") != 2 {
		t.Errorf("%d messages; the fault struck %d times", b.count("util1"), f.Struck)
	}
}

// TestLogins: POP3 and IMAP say that nobody can log in just now, to the right password too.
func TestLogins(t *testing.T) {
	b := start(t, 1, alone)
	b.goWrong("pop3 error command=login times=1", "imap error command=login times=1")
	for _, c := range []struct{ service, login, refused, taken string }{
		{"pop3", "USER util1\r\nPASS secret\r\n", "-ERR [SYS/TEMP]", "+OK logged in."},
		{"imap", "a LOGIN util1 secret\r\n", "a NO [UNAVAILABLE]", "a OK"},
	} {
		for _, want := range []string{c.refused, c.taken} {
			conn, err := net.Dial("tcp", b.addresses[c.service])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte(c.login)); err != nil {
				t.Fatal(err)
			}
			text := textproto.NewConn(conn)
			for found := false; !found; {
				line, err := text.ReadLine()
				if err != nil {
					t.Fatalf("%s: never %q: %v", c.service, want, err)
				}
				found = strings.HasPrefix(line, want)
			}
			text.Close()
		}
	}
}

// TestExpired: at STARTTLS an expired certificate is shown while the fault is in force.
func TestExpired(t *testing.T) {
	b := start(t, 1, alone, func(c *Config) { c.Spec.TLS = "starttls" })
	shown := func() time.Time {
		t.Helper()
		c, err := smtp.Dial(b.addresses["smtp"])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil { //nolint:gosec // it is what is looked at
			t.Fatal(err)
		}
		state, _ := c.TLSConnectionState()
		return state.PeerCertificates[0].NotAfter
	}
	if end := shown(); end.Before(time.Now()) {
		t.Errorf("without a fault: %s", end)
	}
	b.goWrong("tls expired")
	if end := shown(); end.After(time.Now()) {
		t.Errorf("it ends %s", end)
	}
}

// TestNamesGoWrong: the queue goes where a wrong MX record leads, and says so; a name server that is too slow is none.
func TestNamesGoWrong(t *testing.T) {
	s := newStreet(t, "alice", "bob")
	alice := s.daemons["alice.lab"]
	send := func() {
		t.Helper()
		if err := smtp.SendMail(alice.addresses["smtp"], nil, "util1@alice.lab", []string{"util1@bob.lab"}, []byte("Subject: x\r\n\r\nhello\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	alice.goWrong("dns mx domain=bob.lab host=mx.nowhere.lab")
	send()
	s.logged("alice.lab", "to=<util1@bob.lab>", "dsn=5.4.4, status=bounced (Host or domain name not found. Name service error for name=mx.nowhere.lab type=A: Host not found)")
	if err := (faultsOf{alice.Daemon}).ChangeFaults(true, nil, nil); err != nil {
		t.Fatal(err)
	}
	alice.goWrong("dns latency latency=15s")
	send()
	s.logged("alice.lab", "to=<util1@bob.lab>", "dsn=4.4.3, status=deferred (Host or domain name not found. Name service error for name=bob.lab type=MX: Host not found, try again)")
}

// TestFaultsAreSpared: probes are answered whatever goes wrong, a reset ends the teacher's faults, and no student's request changes any.
func TestFaultsAreSpared(t *testing.T) {
	b := start(t, 1, alone)
	b.goWrong("smtp timeout timeout=1h", "smtp error command=connect")
	here, there := net.Pipe()
	go b.Probe("smtp", there)
	if line, err := textproto.NewConn(here).ReadLine(); err != nil || line != "smtp is served" {
		t.Errorf("a probe is told %q, %v", line, err)
	}
	r := httptest.NewRequest(http.MethodPut, "/v1/faults", strings.NewReader(`{"clear":true}`))
	r.SetBasicAuth("util1", "secret")
	w := httptest.NewRecorder()
	b.students.ServeHTTP(w, r)
	if n := len(b.faults.InForce()); w.Code != http.StatusForbidden || n != 2 {
		t.Errorf("a student's request: %d, %d faults are in force", w.Code, n)
	}
	if _, err := (lessons{b.lessons, b.Daemon}).Reset(t.Context(), control.Reset{Scope: "mail"}); err != nil {
		t.Fatal(err)
	}
	if n := len(b.faults.InForce()); n != 0 {
		t.Errorf("after a reset %d faults are in force", n)
	}
	if err := (faultsOf{b.Daemon}).ChangeFaults(false, nil, []fault.Fault{{Service: "smtp"}}); err == nil || errors.Is(err, context.Canceled) {
		t.Error("a fault without a type is put in force")
	}
}
