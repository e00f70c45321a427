package queue

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"maillab/internal/spec"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

// sink is an SMTP server that keeps what it gets.
type sink struct {
	mu     sync.Mutex
	mails  []string
	secure bool // the last one came by TLS
}

func (s *sink) NewSession(c *smtp.Conn) (smtp.Session, error) { return &sinkSession{s: s, c: c}, nil }

type sinkSession struct {
	s        *sink
	c        *smtp.Conn
	envelope string
}

func (s *sinkSession) Mail(from string, o *smtp.MailOptions) error {
	s.envelope = "from " + from
	return nil
}

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case strings.HasPrefix(to, "unknown"):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + ">: No such user"}
	case strings.HasPrefix(to, "later"):
		return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted"}
	}
	s.envelope += " to " + to
	return nil
}

func (s *sinkSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.mails = append(s.s.mails, s.envelope+"\n"+string(text))
	_, s.s.secure = s.c.TLSConnectionState()
	return nil
}

func (s *sinkSession) Reset()        {}
func (s *sinkSession) Logout() error { return nil }

// startSink serves a sink on a loopback port.
func startSink(t *testing.T, tlsConfig *tls.Config) (*sink, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{}
	server := smtp.NewServer(s)
	server.Domain, server.TLSConfig = "relay.example", tlsConfig
	server.ErrorLog = log.New(io.Discard, "", 0)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return s, l.Addr().String()
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// TestRelay hands mail to a real server, in clear and by STARTTLS, and tells each recipient's fate.
func TestRelay(t *testing.T) {
	for name, config := range map[string]*tls.Config{"clear": nil, "starttls": selfSigned(t)} {
		t.Run(name, func(t *testing.T) {
			s, address := startSink(t, config)
			b := newBench(t, func(c *Config) { c.Outside, c.Relay = nil, address })
			b.run(t)
			id := b.send(t, "Subject: x\r\n\r\n.point\r\n", "util1", "a@far.example", "unknown@far.example", "later@far.example")
			b.log.wait(t, id, "to=<a@far.example>", "relay=127.0.0.1[127.0.0.1]:", "dsn=2.0.0, status=sent (250 2.0.0 ")
			b.log.wait(t, id, "to=<unknown@far.example>", "dsn=5.1.1, status=bounced (host 127.0.0.1[127.0.0.1] said: "+
				"550 5.1.1 <unknown@far.example>: No such user (in reply to RCPT TO command))")
			b.log.wait(t, id, "to=<later@far.example>", "dsn=4.2.0, status=deferred (host 127.0.0.1[127.0.0.1] said: "+
				"450 4.2.0 greylisted (in reply to RCPT TO command))")
			b.log.wait(t, "to=<util1@local.isri.fr>", "status=sent (delivered to mailbox)")
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.mails) != 1 || s.secure != (config != nil) {
				t.Fatalf("got %d messages, by TLS %v", len(s.mails), s.secure)
			}
			for _, want := range []string{"from util1@local.isri.fr to a@far.example\n", "Subject: x\r\n", "\r\n\r\n.point\r\n"} {
				if !strings.Contains(s.mails[0], want) {
					t.Errorf("want %q in\n%s", want, s.mails[0])
				}
			}
			if !strings.Contains(b.spool.read("util1"), "Diagnostic-Code: smtp; 550 5.1.1 <unknown@far.example>: No such user\n") {
				t.Errorf("no report in\n%s", b.spool.read("util1"))
			}
		})
	}
}

// TestPercent sends what Postfix 3.7.11 sends for the two old ways to name somebody far away.
func TestPercent(t *testing.T) {
	s, address := startSink(t, nil)
	b := newBench(t, func(c *Config) { c.Outside, c.Relay = nil, address })
	b.run(t)
	id := b.send(t, "x\r\n", "util1", "util1%far.example@local.isri.fr", "util2%far.example")
	b.log.wait(t, id, "to=<util1@far.example>, orig_to=<util1%far.example@local.isri.fr>", "status=sent")
	b.log.wait(t, id, "to=<util2@far.example>, orig_to=<util2%far.example>", "status=sent")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) != 1 || !strings.Contains(s.mails[0], " to util1@far.example to util2@far.example\n") {
		t.Errorf("got %q", s.mails)
	}
}

// timeouts is a Dial into a network that drops packets.
func timeouts(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
}

// TestOutside is the lab's outside world: tried, logged as behind a firewall, listed, tried again after a restart,
// given back when it is too old.
func TestOutside(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Dial = timeouts })
	stop := b.run(t)
	id := b.send(t, "Subject: dehors\r\n\r\nx\r\n", "util1", "quelquun@example.com")
	b.log.wait(t, "smtp: connect to mx.example.com[192.0.2.25]:25: Connection timed out")
	b.log.wait(t, "smtp: "+id+": to=<quelquun@example.com>, relay=none, dsn=4.4.1, status=deferred "+
		"(connect to mx.example.com[192.0.2.25]:25: Connection timed out)")
	stop()
	want := `-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------
` + id + `      334 Sat Nov 21 20:25:29  util1@local.isri.fr
              (connect to mx.example.com[192.0.2.25]:25: Connection timed out)
                                         quelquun@example.com

-- 0 Kbytes in 1 Request.
`
	if diff := cmp.Diff(want, FormatList(b.List(), time.UTC)); diff != "" {
		t.Errorf("mailq -want +got:\n%s", diff)
	}

	b.open(t)
	if diff := cmp.Diff(want, FormatList(b.List(), time.UTC)); diff != "" {
		t.Errorf("mailq after a restart -want +got:\n%s", diff)
	}
	b.log.lines = nil
	b.run(t)
	b.clock.forward(31 * time.Second)
	b.log.wait(t, id, "(queue active)")
	b.log.wait(t, id, "status=deferred")
	b.clock.forward(25 * time.Hour)
	b.log.wait(t, "qmgr: "+id+": from=<util1@local.isri.fr>, status=expired, returned to sender")
	b.log.wait(t, id, "removed")
	if got := b.spool.read("util1"); !strings.Contains(got, "Status: 4.4.1\n") || !strings.Contains(got, "Subject: dehors\n") {
		t.Errorf("no report in\n%s", got)
	}
	if got := FormatList(b.List(), time.UTC); got != "Mail queue is empty\n" {
		t.Errorf("got %q", got)
	}
}

func TestConnectErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.ECONNREFUSED, "(connect to mx.example.com[192.0.2.25]:25: Connection refused)"},
		{syscall.EHOSTUNREACH, "(connect to mx.example.com[192.0.2.25]:25: No route to host)"},
		{context.DeadlineExceeded, "(connect to mx.example.com[192.0.2.25]:25: Connection timed out)"},
		{&net.DNSError{Name: "mx.example.com"}, "dsn=4.4.3, status=deferred (Host or domain name not found. " +
			"Name service error for name=mx.example.com type=A: Host not found)"},
	} {
		b := newBench(t, func(cfg *Config) {
			cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, c.err }
		})
		b.run(t)
		b.send(t, "x\r\n", "util1", "a@example.com")
		b.log.wait(t, c.want)
	}
}

// TestBrokenServers are conversations that end badly: all are tried again.
func TestBrokenServers(t *testing.T) {
	for _, c := range []struct{ name, said, want string }{
		{"hangs up at once", "", "lost connection with mx.example.com[192.0.2.25] while performing the EHLO handshake"},
		{"refuses to talk", "554 go away\r\n", "dsn=4.0.0, status=deferred (host mx.example.com[192.0.2.25] refused to talk to me: 554 go away)"},
		{"busy", "421 4.3.2 later\r\n", "dsn=4.3.2, status=deferred (host mx.example.com[192.0.2.25] refused to talk to me: 421 4.3.2 later)"},
		{"hangs up at MAIL", "220 x\r\n250 x\r\n", "lost connection with mx.example.com[192.0.2.25] while sending MAIL FROM"},
		{"hangs up after the dot", "220 x\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n",
			"while sending end of data -- message may be sent more than once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(cfg *Config) {
				cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go say(theirs, c.said)
					return ours, nil
				}
			})
			b.run(t)
			b.send(t, "x\r\n", "util1", "a@example.com")
			b.log.wait(t, c.want)
		})
	}
}

// say answers each line that comes with the next of its own, then hangs up.
func say(conn net.Conn, lines string) {
	defer conn.Close()
	for line := range strings.Lines(lines) {
		if _, err := io.WriteString(conn, line); err != nil {
			return
		}
		if strings.HasPrefix(line, "354") {
			readUntilDot(conn)
			return
		}
		buf := make([]byte, 1000)
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

func readUntilDot(conn net.Conn) {
	var all []byte
	buf := make([]byte, 1000)
	for !strings.HasSuffix(string(all), "\r\n.\r\n") {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		all = append(all, buf[:n]...)
	}
}

// TestTalkativeServers never stop, in one line or in many: they are heard to a limit, wherever they begin.
func TestTalkativeServers(t *testing.T) {
	for name, endless := range map[string]string{"one line": strings.Repeat("y", 1000), "lines": "250-y\r\n", "short of a line": "220-" + strings.Repeat("y", 996)} {
		for _, route := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, a route: %v", name, route), func(t *testing.T) {
				said := make(chan int, 1)
				b := newBench(t, func(cfg *Config) {
					if route {
						cfg.Routes, cfg.AnyListener = []spec.Route{{To: "liste@local.isri.fr", Via: "127.0.0.1:2525"}}, true
					}
					cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
						ours, theirs := net.Pipe()
						go func() {
							defer theirs.Close()
							n := 0
							for err := error(nil); err == nil; n++ {
								_, err = io.WriteString(theirs, endless)
							}
							said <- n * len(endless)
						}()
						return ours, nil
					}
				})
				b.run(t)
				to := map[bool]string{true: "liste@local.isri.fr", false: "a@example.com"}[route]
				b.send(t, "x\r\n", "util1", to)
				words := "did not stop talking" // the library may have had enough before, of one line
				if !route {
					words = "status=deferred ("
				}
				b.log.wait(t, words, "while performing the EHLO handshake")
				if n := <-said; n > 2*answerLimit {
					t.Errorf("%d octets were taken", n)
				}
			})
		}
	}
}

// TestFold breaks long lines where Postfix breaks them, however the text comes in pieces.
func TestFold(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for text, want := range map[string]string{
		"short\n\n.\n":         "short\n\n.\n",
		x(997) + "\n":          x(997) + "\n",
		x(998) + "\n":          x(998) + "\n",
		x(999) + "\ny\n":       x(998) + "\n x\ny\n",
		x(998+997) + "\n":      x(998) + "\n " + x(997) + "\n",
		x(998+997+3) + "\ny\n": x(998) + "\n " + x(997) + "\n xxx\ny\n",
	} {
		for _, piece := range []int{1, 7, 998, 4096} {
			var got bytes.Buffer
			f := folder{w: &got}
			for rest := text; rest != ""; {
				n := min(piece, len(rest))
				if w, err := f.Write([]byte(rest[:n])); w != n || err != nil {
					t.Fatal(w, err)
				}
				rest = rest[n:]
			}
			if got.String() != want {
				t.Errorf("%d octets in pieces of %d: lines of %v", len(text), piece, lengths(got.String()))
			}
		}
	}
}

func lengths(text string) (all []int) {
	for line := range strings.Lines(text) {
		all = append(all, len(line)-1)
	}
	return all
}

// TestLongLinesAreFolded on their way to another server, and whole in a mailbox here.
func TestLongLinesAreFolded(t *testing.T) {
	s, address := startSink(t, nil)
	b := newBench(t, func(c *Config) { c.Outside, c.Relay = nil, address })
	b.run(t)
	long := strings.Repeat("x", 1500)
	b.send(t, "Subject: x\r\n\r\n"+long+"\r\n", "util1", "a@far.example", "util2")
	b.log.wait(t, "to=<a@far.example>", "status=sent")
	b.log.wait(t, "to=<util2@local.isri.fr>", "status=sent")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.Contains(s.mails[0], "\r\n"+long[:998]+"\r\n "+long[998:]+"\r\n") || !strings.Contains(b.spool.read("util2"), "\n"+long+"\n") {
		t.Errorf("sent %q, kept %q", s.mails[0], b.spool.read("util2"))
	}
}
