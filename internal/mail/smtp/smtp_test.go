package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
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

	"maillab/internal/mail/dialoguetest"
)

// memory is a Backend with util1…util19 and postmaster at local.isri.fr that keeps what it is given.
type memory struct {
	mu    sync.Mutex
	begun int
	got   []message
	fail  error // of Deliver, before reading
}

// message is one delivery.
type message struct {
	env  Envelope
	body string
}

func (m *memory) Check(_ context.Context, address string) Verdict {
	i := strings.LastIndexByte(address, '@')
	user, domain := address[:i], strings.ToLower(address[i+1:])
	if strings.Contains(user, "%") && domain == "local.isri.fr" { // Postfix strips the local domain and looks again
		return m.Check(context.Background(), strings.Replace(user, "%", "@", 1))
	}
	if strings.Contains(user, "@") && domain == "local.isri.fr" {
		return m.Check(context.Background(), user)
	}
	switch domain {
	case "local.isri.fr", "test6isri.local.isri.fr", "localhost", "[127.0.0.1]", "[172.17.0.2]":
	case "later.example":
		return TryLater
	default:
		return RelayDenied
	}
	if strings.EqualFold(user, "postmaster") || regexp.MustCompile(`(?i)^util(1?[1-9]|10)$`).MatchString(user) {
		return Accepted
	}
	return UnknownLocal
}

func (m *memory) Begin(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun++
	return fmt.Sprintf("A%09X", m.begun), nil
}

func (m *memory) Deliver(_ context.Context, env *Envelope, body io.Reader) error {
	if m.fail != nil {
		return m.fail
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if strings.Count(string(text), "Received: ") >= 49 {
		return &Error{554, "5.4.0", "Error: too many hops"}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, message{*env, string(text)})
	return nil
}

func (m *memory) Authenticate(_ context.Context, user, password, _ string) (string, error) {
	switch {
	case user == "later":
		return "", ErrTryLater
	case user == "util1" && password == "master2021":
		return user, nil
	}
	return "", fmt.Errorf("no such account or password")
}

func (m *memory) Flush(_ context.Context, domain string) bool { return domain == "queued.example" }

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
