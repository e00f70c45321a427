package smtp

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	netsmtp "net/smtp"
	"strings"
	"testing"

	"maillab/internal/mail"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

// TestEnvelope is all that the backend is told.
func TestEnvelope(t *testing.T) {
	cfg := config()
	cfg.Auth = AuthOptional
	backend := &memory{}
	plain := base64.StdEncoding.EncodeToString([]byte("\x00util1\x00master2021"))
	got := run(t, cfg, backend, "ehlo a b\r\nauth plain "+plain+"\r\n"+
		"mail from: util1 SIZE=123 BODY=8bitmime RET=hdrs ENVID=a+40b\r\n"+
		"rcpt to: <@relay:util11> notify=success,delay orcpt=rfc822;x+2Cy\r\nrcpt to:\"util12\"@local.isri.fr\r\n"+
		"data\r\n.\r\nmail from:<>\r\nrcpt to:<util1%local.isri.fr>\r\ndata\r\nx\r\n.\r\nquit\r\n")
	wantReplies(t, got, "220 250 235 250 250 250 354 250 250 250 354 250 221")
	want := []message{
		{mail.Envelope{ID: "A000000001", ClientName: "unknown", ClientAddr: "172.17.0.1", Helo: "a?b",
			Protocol: "ESMTPA", User: "util1", Sender: mail.Address{Typed: "util1", Full: "util1@local.isri.fr"},
			Recipients: []mail.Recipient{
				{Address: mail.Address{Typed: "util11", Full: "util11@local.isri.fr"}, Notify: []string{"SUCCESS", "DELAY"}, ORcpt: "rfc822;x,y"},
				{Address: mail.Address{Typed: "util12@local.isri.fr", Full: "util12@local.isri.fr"}, Notify: nil, ORcpt: ""},
			}, Body: "8BITMIME", Size: 123, Ret: "HDRS", EnvID: "a@b"}, ""},
		{mail.Envelope{ID: "A000000002", ClientName: "unknown", ClientAddr: "172.17.0.1", Helo: "a?b",
			Protocol: "ESMTPA", User: "util1",
			Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util1%local.isri.fr", Full: "util1@local.isri.fr"}}}}, "x\r\n"},
	}
	if diff := cmp.Diff(want, backend.messages(), cmp.AllowUnexported(message{})); diff != "" {
		t.Error(diff)
	}
}

// TestNetcat types lone LFs, as nc does.
func TestNetcat(t *testing.T) {
	backend := &memory{}
	session := "helo pv\nmail from:<util1>\nrcpt to:<util1>\ndata\nSubject: x\n\n..a\n.\nquit\n"
	wantReplies(t, run(t, config(), backend, session), "220 250 250 250 354 250 221")
	if got := backend.messages(); len(got) != 1 || got[0].body != "Subject: x\r\n\r\n.a\r\n" {
		t.Errorf("got %v", got)
	}
	cfg := config()
	cfg.BareLF = BareLFReject
	got := run(t, cfg, backend, session)
	if want := "550 5.5.2 test6isri.local.isri.fr Error: bare <LF> received\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q", got)
	}
	got = run(t, cfg, backend, opening+"a\nb\r\n.\n.\r\nc\r\n.\r\nmail from:<util1>\r\nquit\r\n")
	wantReplies(t, got, "220 250 250 354 550 250 221")
	if len(backend.messages()) != 1 {
		t.Errorf("got %v", backend.messages())
	}
}

// TestTelnet strips negotiation from commands, answers the mark that ^C waits for, and leaves messages alone.
func TestTelnet(t *testing.T) {
	backend, record := &memory{}, &typist{}
	cfg := config()
	cfg.Connected = connected(record, nil)
	got := run(t, cfg, backend, "\xff\xfd\x18he\xff\xf4\xff\xfd\x06lo \xff\xfa\x18\x00x\xff\xff\xf0\xff\xf0pv\r\n"+opening+
		"\xff\xfd\x06\xff\r\n.\r\nquit\r\n")
	if !strings.Contains(got, "\xff\xfc\x06") || strings.Count(got, "\xff") != 1 {
		t.Errorf("got %q", got)
	}
	wantReplies(t, strings.ReplaceAll(got, "\xff\xfc\x06", ""), "220 250 250 250 354 250 221")
	if want := "helo pv\nmail from:<util1>\nrcpt to:<util1>\ndata\nquit\n"; record.text.String() != want {
		t.Errorf("recorded %q", record.text.String())
	}
	if got := backend.messages(); len(got) != 1 || got[0].body != "\xff\xfd\x06\xff\r\n" {
		t.Errorf("delivered %v", got)
	}
}

// TestTooLarge refuses what is larger than the limit, byte for byte, and goes on.
func TestTooLarge(t *testing.T) {
	cfg := config()
	cfg.SizeLimit = 100
	fits := strings.Repeat("x", 98) + "\r\n"
	for body, code := range map[string]string{fits: "250", "x" + fits: "552", strings.Repeat(fits, 1000): "552"} {
		backend := &memory{}
		got := run(t, cfg, backend, opening+body+".\r\n"+opening+".\r\nquit\r\n")
		wantReplies(t, got, "220 250 250 354 "+code+" 250 250 354 250 221")
		if code == "552" && !strings.Contains(got, "552 5.3.4 Error: message file too big\n") {
			t.Error(got)
		}
		chunks := fmt.Sprintf("mail from:<util1>\r\nrcpt to:<util1>\r\nbdat %d last\r\n%snoop\r\nquit\r\n", len(body), body)
		wantReplies(t, run(t, cfg, backend, chunks), "220 250 250 "+code+" 250 221")
	}
	growing := "mail from:<util1>\r\nrcpt to:<util1>\r\nbdat 50\r\n" + strings.Repeat("\n", 50) + // 100 bytes with CRs
		"bdat 1\r\nxbdat 1\r\ny" + "bdat 1 last\r\nz" + "mail from:<util1>\r\nquit\r\n"
	wantReplies(t, run(t, cfg, &memory{}, growing), "220 250 250 250 552 551 551 250 221")
}

// TestBackendErrors puts a backend's errors into replies, and keeps in step whatever it has read.
func TestBackendErrors(t *testing.T) {
	for text, err := range map[string]error{
		"452 4.3.1 Insufficient system storage":   refusal(452, 4, 3, 1, "Insufficient system storage"),
		"554 5.4.0 Error: too many hops":          fmt.Errorf("queue: %w", refusal(554, 5, 4, 0, "Error: too many hops")),
		"451 4.3.0 Error: queue file write error": errors.New("disk on fire"),
	} {
		got := run(t, config(), &memory{fail: err}, opening+"a\r\nquit\r\n..\r\n.\r\nnoop\r\nquit\r\n")
		wantReplies(t, got, "220 250 250 354 "+text[:3]+" 250 221")
		if !strings.Contains(got, "\n"+text+"\n") {
			t.Errorf("want %q in %s", text, got)
		}
		got = run(t, config(), &memory{fail: err}, "mail from:<util1>\r\nrcpt to:<util1>\r\nbdat 3\r\na\r\n"+
			"bdat 3\r\nb\r\nrset\r\nmail from:<util1>\r\nquit\r\n")
		wantReplies(t, got, "220 250 250 "+text[:3]+" 551 250 250 221")
	}
}

// lazy is a backend that says yes without reading, or panics.
type lazy struct {
	memory
	panics bool
}

func (l *lazy) NewSession(_ context.Context, c *Client) (gosmtp.Session, error) {
	return &lazySession{memorySession{memory: &l.memory, client: c}, l.panics}, nil
}

type lazySession struct {
	memorySession
	panics bool
}

func (l *lazySession) Data(io.Reader) error {
	if l.panics {
		panic("a bug")
	}
	return nil
}

// TestBackendBugs survives a backend that does not do what it must.
func TestBackendBugs(t *testing.T) {
	wantReplies(t, run(t, config(), &lazy{}, opening+"a\r\n.\r\nnoop\r\nquit\r\n"), "220 250 250 354 451 250 221")
	wantReplies(t, run(t, config(), &lazy{panics: true}, opening+"a\r\n.\r\nnoop\r\nquit\r\n"), "220 250 250 354 421")
}

// TestRecipientLimit refuses further ones, and delivers to the rest.
func TestRecipientLimit(t *testing.T) {
	cfg := config()
	cfg.RecipientLimit = 2
	backend := &memory{}
	got := run(t, cfg, backend, "mail from:<util1>\r\n"+strings.Repeat("rcpt to:<util1>\r\n", 3)+"data\r\n.\r\nquit\r\n")
	wantReplies(t, got, "220 250 250 250 452 354 250 221")
	if !strings.Contains(got, "452 4.5.3 Error: too many recipients\n") || len(backend.messages()[0].env.Recipients) != 2 {
		t.Error(got)
	}
}

// TestPause delays every reply from the tenth error on, and closes after the twentieth.
func TestPause(t *testing.T) {
	pauses := 0
	cfg := config()
	cfg.Pause = func(context.Context) { pauses++ }
	got := run(t, cfg, &memory{}, strings.Repeat("foo\r\n", 10))
	if wantReplies(t, got, "220"+strings.Repeat(" 500", 10)); pauses != 0 {
		t.Errorf("%d pauses in ten errors", pauses)
	}
	got = run(t, cfg, &memory{}, strings.Repeat("foo\r\n", 10)+"noop\r\n"+strings.Repeat("foo\r\n", 30))
	wantReplies(t, got, "220"+strings.Repeat(" 500", 10)+" 250"+strings.Repeat(" 500", 10)+" 421")
	if pauses != 12 { // noop, ten errors, 421
		t.Errorf("%d pauses, want 12", pauses)
	}
}

// TestAuthPolicy demands AUTH, and never shows what was typed for it.
func TestAuthPolicy(t *testing.T) {
	record := &typist{}
	cfg := config()
	cfg.Auth = AuthRequired
	cfg.Connected = connected(record, nil)
	b64 := base64.StdEncoding.EncodeToString
	secret, later := b64([]byte("\x00util1\x00master2021")), b64([]byte("\x00later\x00x"))
	got := run(t, cfg, &memory{}, "ehlo x\r\nmail from:<util1>\r\nvrfy util1\r\netrn x\r\nnoop\r\n"+
		"auth plain "+later+"\r\nauth login\r\n"+b64([]byte("util1"))+"\r\n"+b64([]byte("master2021"))+"\r\nmail from:<util1>\r\nquit\r\n")
	wantReplies(t, got, "220 250 530 530 530 250 454 334 334 235 250 221")
	if !strings.Contains(got, "\n530 5.7.0 Authentication required\n") {
		t.Error(got)
	}
	run(t, cfg, &memory{}, "auth plain "+secret+"\r\nauth  PLAIN  "+secret+" more\r\n")
	want := "ehlo x\nmail from:<util1>\nvrfy util1\netrn x\nnoop\nauth plain ****\nauth login\n****\n****\nmail from:<util1>\n" +
		"quit\nauth plain ****\nauth PLAIN ****\n"
	if record.text.String() != want || record.who != "util1" {
		t.Errorf("recorded %q as %q", record.text.String(), record.who)
	}
	got = run(t, config(), &memory{}, "ehlo x\r\nauth plain "+secret+"\r\nquit\r\n")
	wantReplies(t, got, "220 250 503 221")
	if strings.Contains(got, "AUTH") || strings.Contains(got, "STARTTLS") {
		t.Errorf("what is off is advertised: %s", got)
	}
}

// TestSASLLineTooLong ends an exchange whose response is too long, and nothing else.
func TestSASLLineTooLong(t *testing.T) {
	cfg := config()
	cfg.Auth = AuthOptional
	got := run(t, cfg, &memory{}, "auth login\r\n"+strings.Repeat("QUFB", 5000)+"\r\nnoop\r\nquit\r\n")
	wantReplies(t, got, "220 334 500 250 221")
	if !strings.Contains(got, "500 5.5.6 SASL response limit exceeded\n") {
		t.Error(got)
	}
}

// TestStartTLS upgrades a connection and mails over it with Go's client; what was known in clear is forgotten.
func TestStartTLS(t *testing.T) {
	cfg, backend := config(), &memory{}
	cfg.TLS, cfg.Auth = certificate(t), AuthOptional
	conn, _ := dial(t, cfg, backend)
	client, err := netsmtp.NewClient(conn, "test6isri.local.isri.fr")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(cfg.TLS.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	steps := []func() error{
		func() error {
			return client.StartTLS(&tls.Config{RootCAs: pool, ServerName: "test6isri.local.isri.fr"})
		},
		func() error {
			return client.Auth(netsmtp.PlainAuth("", "util1", "master2021", "test6isri.local.isri.fr"))
		},
		func() error { return client.Mail("util1@local.isri.fr") },
		func() error { return client.Rcpt("util2@local.isri.fr") },
		func() error {
			w, err := client.Data()
			if err != nil {
				return err
			}
			_, err = io.WriteString(w, "Subject: x\n\n.hidden\n")
			return errors.Join(err, w.Close())
		},
		client.Quit,
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	got := backend.messages()
	if len(got) != 1 || got[0].env.Protocol != "UTF8SMTPSA" || got[0].body != "Subject: x\r\n\r\n.hidden\r\n" {
		t.Errorf("got %v", got)
	}
}

// TestStartTLSInjection throws away what comes in clear after STARTTLS.
func TestStartTLSInjection(t *testing.T) {
	cfg, backend := config(), &memory{}
	cfg.TLS = certificate(t)
	conn, _ := dial(t, cfg, backend)
	in := bufio.NewReader(conn)
	expect(t, in, "220 ")
	if _, err := io.WriteString(conn, "ehlo x\r\nmail from:<util1>\r\nstarttls\r\nrcpt to:<evil@example.com>\r\n"); err != nil {
		t.Fatal(err)
	}
	for line := ""; !strings.HasPrefix(line, "250 CHUNKING"); {
		line = expect(t, in, "250")
	}
	expect(t, in, "250 2.1.0 Ok")
	expect(t, in, "220 2.0.0 Ready to start TLS")
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // the test's own certificate
	if _, err := io.WriteString(secure, "rcpt to:<util1>\r\nstarttls\r\nquit\r\n"); err != nil {
		t.Fatal(err)
	}
	in = bufio.NewReader(secure)
	expect(t, in, "503 5.5.1 Error: need MAIL command")
	expect(t, in, "554 5.5.1 Error: TLS already active")
	expect(t, in, "221 2.0.0 Bye")
}

// expect reads a line that begins so.
func expect(t *testing.T, in *bufio.Reader, want string) string {
	t.Helper()
	line, err := in.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, want) {
		t.Fatalf("got %q, %v, want %q", line, err, want)
	}
	return line
}

// TestShutdown tells a waiting client that the server stops.
func TestShutdown(t *testing.T) {
	server, client := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		New(config(), &memory{}).ServeConn(ctx, server)
	}()
	in := bufio.NewReader(client)
	expect(t, in, "220 ")
	if _, err := io.WriteString(client, "noop\r\n"); err != nil {
		t.Fatal(err)
	}
	expect(t, in, "250 ")
	cancel()
	expect(t, in, "421 4.3.2 test6isri.local.isri.fr ")
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v after the end", rest, err)
	}
	<-over
}

// TestPipelining sends a whole session at once (RFC 2920).
func TestPipelining(t *testing.T) {
	backend := &memory{}
	one := "mail from:<util1>\r\nrcpt to:<util1>\r\nrcpt to:<nobody>\r\ndata\r\nx\r\n.\r\n"
	got := run(t, config(), backend, "ehlo x\r\n"+strings.Repeat(one, 50)+"quit\r\n")
	wantReplies(t, got, "220 250"+strings.Repeat(" 250 250 550 354 250", 50)+" 221")
	if len(backend.messages()) != 50 {
		t.Errorf("%d messages", len(backend.messages()))
	}
}

// TestReplies keeps replies whole lines whatever is typed.
func TestReplies(t *testing.T) {
	got := run(t, config(), &memory{}, "mail from:<util1>\r\nrcpt to:<a\x00\x07@local.isri.fr>\r\nvrfy \x1ba\r\nquit\r\n")
	if strings.ContainsAny(got, "\r\x00\x07\x1b") {
		t.Errorf("got %q", got)
	}
	wantReplies(t, got, "220 250 550 550 221")
}

// TestInterruptedWhileTyping: ^C in the middle of a message. Its bytes stay in the mail, as any others; the timing mark is
// answered, or the student's telnet would show nothing more, however the network cuts the five bytes.
func TestInterruptedWhileTyping(t *testing.T) {
	const interrupted = "ligne 1\r\n\xff\xf4\xff\xfd\x06ligne 2\r\n"
	for cut := range len("\xff\xf4\xff\xfd\x06") + 1 {
		backend := &memory{}
		conn, _ := dial(t, config(), backend)
		in := bufio.NewReader(conn)
		say := func(text string) {
			t.Helper()
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(want string) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
				t.Fatalf("cut at %d: read %q, %v; want %q", cut, got, err, want)
			}
		}
		expect("220 test6isri.local.isri.fr ESMTP Postfix (Debian/GNU)\r\n")
		for _, line := range []string{"mail from: util1", "rcpt to: util11", "data"} {
			say(line + "\r\n")
			if _, err := in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		at := strings.IndexByte(interrupted, 0xff) + cut
		say(interrupted[:at])
		say(interrupted[at:])
		expect("\xff\xfc\x06")
		say(".\r\n")
		expect("250 2.0.0 Ok: queued as ")
		if got := backend.messages(); len(got) != 1 || got[0].body != interrupted {
			t.Errorf("cut at %d: delivered %+v", cut, got)
		}
	}
}
