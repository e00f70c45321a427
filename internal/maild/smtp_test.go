package maild

import (
	"context"
	"errors"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/smtp"
	"maillab/internal/spec"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// TestUnderTheLibrarysServer runs SMTP's backend under go-smtp's own server, which it must go on to be a regular backend of:
// the same refusals, the same AUTH, the same mail in the mailbox.
func TestUnderTheLibrarysServer(t *testing.T) {
	b := start(t, 2, func(c *Config) { c.Throttle = unhurried{} })
	server := gosmtp.NewServer(gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) {
		return intake{b.Daemon}.NewSession(t.Context(), &smtp.Client{Peer: mail.PeerOf(c.Conn()), Helo: c.Hostname(), ESMTP: true})
	}))
	server.Domain, server.AllowInsecureAuth = "h.test", true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	client, err := gosmtp.Dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	refused := func(err error, want string) {
		t.Helper()
		var said *gosmtp.SMTPError
		if !errors.As(err, &said) || !strings.Contains(said.Message, want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	refused(client.Auth(sasl.NewPlainClient("", "util1", "wrong")), "authentication failed")
	steps := []error{
		client.Auth(sasl.NewPlainClient("", "util1", "secret")),
		client.Mail("util1@test", nil),
		client.Rcpt("util2+tag@test", nil),
	}
	refused(client.Rcpt("nobody@test", nil), "<nobody@test>: Recipient address rejected: User unknown in local recipient table")
	w, err := client.Data()
	steps = append(steps, err)
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("Subject: under the library\r\n\r\n.dot\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := w.CloseWithResponse()
	if err != nil || !strings.Contains(answer.StatusText, "Ok: queued as ") {
		t.Fatalf("%+v, %v", answer, err)
	}
	box := b.box("util2")
	for _, want := range []string{"X-Original-To: util2+tag@test\nDelivered-To: util2+tag@test\nReceived: from localhost (localhost [127.0.0.1])\n" +
		"\tby h.test (Postfix) with ESMTPA id ", "\tfor <util2+tag@test>;", "Subject: under the library\n", "\n\n.dot\n"} {
		if !strings.Contains(box, want) {
			t.Errorf("%q is not in\n%s", want, box)
		}
	}
}

// unhurried answers failed logins at once.
type unhurried struct{}

func (unhurried) Failed(string) time.Duration { return 0 }
func (unhurried) Succeeded(string)            {}

// TestProcessNumbers: ten connections at once are ten processes in the log, each from its connect to its disconnect, as
// log analysers count them; who comes after them is served by the first again.
func TestProcessNumbers(t *testing.T) {
	b := start(t, 1)
	var all []*textproto.Conn
	for range 10 {
		c, err := textproto.Dial("tcp", b.addresses["smtp"])
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadResponse(220); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	quit := func(c *textproto.Conn) {
		if err := c.PrintfLine("QUIT"); err != nil {
			t.Fatal(err)
		}
		_, _, _ = c.ReadResponse(221)
		c.Close()
	}
	for _, c := range all {
		quit(c)
	}
	form := regexp.MustCompile(`postfix/smtpd\[(\d+)\]: (dis)?connect from localhost\[127\.0\.0\.1\]`)
	lines := func() [][]string { return form.FindAllStringSubmatch(b.log(t), -1) }
	b.wait("all disconnects in the log", func() bool { return len(lines()) == 20 })
	open := map[string]bool{}
	for _, l := range lines()[:10] {
		if l[2] != "" || open[l[1]] {
			t.Errorf("%s when %v are open", l[0], open)
		}
		open[l[1]] = true
	}
	for _, l := range lines()[10:] {
		if l[2] == "" || !open[l[1]] {
			t.Errorf("%s, of none that is open", l[0])
		}
		delete(open, l[1])
	}
	c, err := textproto.Dial("tcp", b.addresses["smtp"])
	if err != nil {
		t.Fatal(err)
	}
	quit(c)
	b.wait("one more", func() bool { return len(lines()) == 22 })
	if last := lines()[21]; last[1] != "105" {
		t.Errorf("a connection alone is %s's", last[1])
	}
}

// log is mail.log as it is now.
func (b *sandboxed) log(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	if err := b.Daemon.Log(context.Background(), &text, 1000, false); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestSpamdAway: a message that no SpamAssassin judges, for there is none or it does not answer, arrives without points, and the log says why.
func TestSpamdAway(t *testing.T) {
	here, there := net.Pipe()
	there.Close()
	for what, dial := range map[string]func(context.Context) (net.Conn, error){
		"can't connect to spamd: connection refused": func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED },
		"io: read/write on closed pipe":              func(context.Context) (net.Conn, error) { return here, nil },
	} {
		b := start(t, 2, func(c *Config) {
			c.Spec.Services.SMTP.Filter, c.Spamd = &spec.Filter{Tagged: -999, Required: 6.31, Spamd: true}, dial
		})
		client, err := gosmtp.Dial(b.addresses["smtp"])
		if err != nil {
			t.Fatal(err)
		}
		if err := client.SendMail("util2@test", []string{"util1@test"}, strings.NewReader("Subject: test\r\n\r\nbonjour\r\n")); err != nil {
			t.Fatal(err)
		}
		client.Close()
		if box := b.box("util1"); !strings.Contains(box, "\nX-Amavis-Alert: BAD HEADER SECTION") || strings.Contains(box, "X-Spam") {
			t.Errorf("%s: %s", what, box)
		}
		if log := b.log(t); !strings.Contains(log, "(!)SpamdClient client failed: ") || !strings.Contains(log, what) || !strings.Contains(log, "Hits: -, ") {
			t.Errorf("%s:\n%s", what, log)
		}
	}
}

// TestFiltered: behind a filter a message is in the mailbox with what the filter says of it, under another queue ID; what is known
// of it goes by the one that the client was told.
func TestFiltered(t *testing.T) {
	b := start(t, 2, func(c *Config) { c.Spec.Services.SMTP.Filter = &spec.Filter{Tagged: 2, Required: 6.31, Bayes: "none"} })
	client, err := gosmtp.Dial(b.addresses["smtp"])
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := errors.Join(client.Hello("PV"), client.Mail("util2@test", nil), client.Rcpt("util1@test", nil)); err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("Subject: test\r\n\r\nbonjour\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := w.CloseWithResponse()
	if err != nil {
		t.Fatal(err)
	}
	_, told, _ := strings.Cut(answer.StatusText, "queued as ")
	box := b.box("util1")
	for _, want := range []string{"\nX-Amavis-Alert: BAD HEADER SECTION, Missing required header field: \"Date\"\n", "MISSING_DATE=1.36", "TVD_RCVD_SINGLE=2.172",
		" id " + told + "\n", "\tby h.test (Postfix) with ESMTP id "} {
		if !strings.Contains(box, want) {
			t.Errorf("%q is not in\n%s", want, box)
		}
	}
	list := b.deliveries.List(0)
	if len(list) != 1 || list[0].ID != told || list[0].Envelope == nil || list[0].Envelope.ID == told || len(list[0].Copies) != 1 {
		t.Errorf("told %s, on record %+v", told, list)
	}
}
