package imap_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"strings"
	"testing"

	"maillab/internal/mail/imap"
	"maillab/internal/mail/imap/imaptest"
)

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// TestStartTLS: advertised only when it is there and not yet done; what was sent in clear behind it is not obeyed.
func TestStartTLS(t *testing.T) {
	backend := imaptest.New()
	backend.AddUser("util1", "master2021", 0)
	plain := connect(t, imap.New(imap.Config{}, backend))
	if caps := plain.ok("CAPABILITY")[0]; strings.Contains(caps, "STARTTLS") {
		t.Error(caps)
	}
	plain.want("STARTTLS", "t NO Error in IMAP command received by server.")

	server := imap.New(imap.Config{TLS: certificate(t)}, backend)
	c := connect(t, server)
	if caps := c.ok("CAPABILITY")[0]; !strings.Contains(caps, "STARTTLS") {
		t.Error(caps)
	}
	c.ok("STARTTLS")
	secure := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.conn, c.in = secure, bufio.NewReader(secure)
	if caps := c.ok("CAPABILITY")[0]; strings.Contains(caps, "STARTTLS") {
		t.Error(caps)
	}
	c.ok("LOGIN util1 master2021")
	c.ok("LOGOUT")

	injected := connect(t, server)
	injected.send("t STARTTLS\r\nt LOGIN util1 master2021\r\n")
	injected.until("t OK Begin")
	if rest, _ := io.ReadAll(injected.in); strings.Contains(string(rest), "LOGIN") {
		t.Errorf("obeyed what came in clear: %q", rest)
	}
}
