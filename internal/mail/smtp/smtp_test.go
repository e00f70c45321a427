package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
	"maillab/internal/mail/dialoguetest"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// memory is a Backend with util1…util19 and postmaster at local.isri.fr that keeps what it is given.
type memory struct {
	mu    sync.Mutex
	begun int
	got   []message
	fail  error // of Data, before reading
}

// message is one delivery.
type message struct {
	env  mail.Envelope
	body string
}

func (m *memory) NewSession(_ context.Context, c *Client) (gosmtp.Session, error) {
	return &memorySession{memory: m, client: c}, nil
}

// memorySession is one connection's.
type memorySession struct {
	*memory
	client *Client
	env    mail.Envelope
}

func (s *memorySession) Reset()        { s.env = mail.Envelope{} }
func (s *memorySession) Logout() error { return nil }

func (s *memorySession) QueueID() string { return s.env.ID }

// address completes one.
func (s *memorySession) address(typed string) mail.Address {
	return mail.Address{Typed: typed, Full: addrspec.Complete(typed, "local.isri.fr")}
}

func (s *memorySession) Mail(from string, o *gosmtp.MailOptions) error {
	if strings.HasSuffix(from, "@@local.isri.fr") {
		return refusal(501, 5, 1, 7, "Bad sender address syntax")
	}
	s.env = mail.Envelope{ClientName: s.client.Name(), ClientAddr: s.client.Host(), Helo: s.client.Helo, User: s.client.User,
		Sender: s.address(from), Body: string(o.Body), UTF8: o.UTF8, Size: o.Size, Ret: string(o.Return), EnvID: o.EnvelopeID}
	return nil
}

func (s *memorySession) Rcpt(to string, o *gosmtp.RcptOptions) error {
	r := mail.Recipient{Address: s.address(to)}
	if err := s.check(to, r.Full); err != nil {
		return err
	}
	for _, n := range o.Notify {
		r.Notify = append(r.Notify, string(n))
	}
	if o.OriginalRecipientType != "" {
		r.ORcpt = string(o.OriginalRecipientType) + ";" + o.OriginalRecipient
	}
	if s.env.ID == "" {
		s.mu.Lock()
		s.begun++
		s.env.ID = fmt.Sprintf("A%09X", s.begun)
		s.mu.Unlock()
	}
	s.env.Recipients = append(s.env.Recipients, r)
	return nil
}

func (s *memorySession) Verify(address string) error {
	return s.check(address, s.address(address).Full)
}

func refusal(code, a, b, c int, format string, args ...any) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{a, b, c}, Message: fmt.Sprintf(format, args...)}
}

func (s *memorySession) check(typed, address string) error {
	i := strings.LastIndexByte(address, '@')
	user, domain := address[:i], strings.ToLower(address[i+1:])
	if strings.ContainsAny(user[max(0, len(user)-1):], "@%") && domain == "local.isri.fr" {
		return refusal(501, 5, 1, 3, "Bad recipient address syntax")
	}
	if strings.Contains(user, "%") && domain == "local.isri.fr" { // Postfix strips the local domain and looks again
		return s.check(typed, strings.Replace(user, "%", "@", 1))
	}
	if strings.Contains(user, "@") && domain == "local.isri.fr" {
		return s.check(typed, user)
	}
	switch domain {
	case "local.isri.fr", "test6isri.local.isri.fr", "localhost", "[127.0.0.1]", "[172.17.0.2]":
	case "later.example":
		return errors.New("who knows")
	default:
		return refusal(554, 5, 7, 1, "<%s>: Relay access denied", typed)
	}
	if strings.EqualFold(user, "postmaster") || regexp.MustCompile(`(?i)^util(1?[1-9]|10)(\+.*)?$`).MatchString(user) {
		return nil
	}
	return refusal(550, 5, 1, 1, "<%s>: Recipient address rejected: User unknown in local recipient table", typed)
}

func (s *memorySession) Data(body io.Reader) error {
	if s.fail != nil {
		return s.fail
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if strings.Count(string(text), "Received: ") >= 49 {
		return refusal(554, 5, 4, 0, "Error: too many hops")
	}
	s.env.Protocol = s.client.Protocol(s.env.UTF8)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, message{s.env, string(text)})
	return nil
}

func (s *memorySession) AuthMechanisms() []string { return PasswordMechanisms() }

func (s *memorySession) Auth(mechanism string) (sasl.Server, error) {
	return s.client.PasswordServer(mechanism, func(user, password string) (string, error) {
		switch {
		case user == "later":
			return "", mail.ErrTryLater
		case user == "util1" && password == "master2021":
			return user, nil
		}
		return "", mail.ErrRejected
	})
}

func (s *memorySession) Flush(domain string) bool { return domain == "queued.example" }

// messages returns what was delivered.
func (m *memory) messages() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got
}

// from is a connection that says to come from elsewhere.
type from struct {
	net.Conn
	peer net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.peer }

// CloseWrite is the TCP connection's.
func (c from) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// config is the reference's server.
func config() Config {
	return Config{Hostname: "test6isri.local.isri.fr", Domain: "local.isri.fr", Pause: func(context.Context) {}}
}

// dial serves one connection and returns the client's end. It is over when the test ends; over is closed when
// ServeConn has returned.
func dial(t *testing.T, cfg Config, b Backend) (client net.Conn, over <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			close(accepted)
			return
		}
		accepted <- conn
	}()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, isOpen := <-accepted
	if !isOpen {
		t.Fatal("no connection came")
	}
	go func() {
		defer close(done)
		New(cfg, b).ServeConn(ctx, from{conn, &net.TCPAddr{IP: net.IPv4(172, 17, 0, 1), Port: 40000}})
	}()
	t.Cleanup(func() {
		client.Close()
		cancel()
		<-done
	})
	return client, done
}

// certificate is a TLS configuration with a fresh key.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"test6isri.local.isri.fr"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// normalise takes out queue IDs.
func normalise(line string) string {
	return regexp.MustCompile(`queued as [0-9A-F]+$`).ReplaceAllString(line, "queued as ID")
}

// TestDialogues plays what was captured from Postfix; testdata/README.md says how.
func TestDialogues(t *testing.T) {
	tls := certificate(t)
	for _, dir := range []string{"reference", "postfix", "bare"} {
		files, err := filepath.Glob("testdata/" + dir + "/*.txt")
		if err != nil || len(files) == 0 {
			t.Fatalf("no dialogues in testdata/%s: %v", dir, err)
		}
		for _, file := range files {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				cfg := config()
				if dir != "bare" {
					cfg.TLS = tls
				}
				if dir == "postfix" {
					cfg.Auth = AuthOptional
				}
				conn, _ := dial(t, cfg, &memory{})
				dialoguetest.Play(t, file, conn, normalise)
			})
		}
	}
}
