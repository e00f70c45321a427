package pop3

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// certificate is a fresh one for localhost, with the file that a client trusts it by.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

func (c *talk) capabilities() []string {
	c.t.Helper()
	c.say("CAPA")
	var list []string
	for line := c.line(); line != "."; line = c.line() {
		list = append(list, line)
	}
	return list
}

func TestStls(t *testing.T) {
	server, file := certificate(t)
	pool := x509.NewCertPool()
	text, err := os.ReadFile(file)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	e := &events{}
	b := twoLetters(t)
	addr := listen(t, Config{Wording: Dovecot, TLS: server, Witness: witness(nil, e)}, b)
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := newTalk(t, conn)
	if !slices.Contains(p.capabilities(), "STLS") {
		t.Error("STLS is not advertised")
	}
	p.say("USER util1")
	// What is sent ahead of the handshake does not count inside it (RFC 2595 §4).
	if got := p.say("STLS\r\nPASS master2021"); got != "+OK Begin TLS negotiation now." {
		t.Fatal(got)
	}
	secure := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	p.conn = secure
	p.in.Reset(secure)
	if slices.Contains(p.capabilities(), "STLS") {
		t.Error("STLS is advertised inside TLS")
	}
	if got := p.say("PASS master2021"); got != "-ERR No username given." {
		t.Error("the user named in the clear is remembered:", got)
	}
	if got := p.say("STLS"); got != "-ERR TLS is already active." {
		t.Error(got)
	}
	p.login()
	if got := p.say("STAT"); got != "+OK 2 366" {
		t.Error(got)
	}
	p.say("QUIT")
	if diff := cmp.Diff([]string{"login util1 USER tls=true"}, e.text()[:1]); diff != "" {
		t.Error(diff)
	}
}
