package smtp

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// listen serves on loopback until the test ends, and returns the port's address.
func listen(t *testing.T, cfg Config, b Backend) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := New(cfg, b)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { server.ServeConn(ctx, conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		cancel()
		all.Wait()
	})
	return l.Addr().String()
}

// runClient runs a client, or skips the test when it is not installed.
func runClient(t *testing.T, stdin string, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// TestSmtplib mails with Python's smtplib: STARTTLS, AUTH LOGIN and PLAIN, 8-bit text, a refused recipient, VRFY.
func TestSmtplib(t *testing.T) {
	cfg, backend := config(), &memory{}
	cfg.Auth, cfg.TLS = AuthOptional, certificate(t)
	host, port, _ := net.SplitHostPort(listen(t, cfg, backend))
	runClient(t, `
import smtplib, ssl, sys
host, port = sys.argv[1], int(sys.argv[2])
s = smtplib.SMTP(host, port, timeout=20)
tls = ssl.create_default_context(); tls.check_hostname = False; tls.verify_mode = ssl.CERT_NONE
s.ehlo(); assert s.has_extn('starttls') and s.has_extn('smtputf8') and s.has_extn('chunking'), s.esmtp_features
s.starttls(context=tls); s.ehlo(); assert not s.has_extn('starttls')
s.user, s.password = 'util1', 'master2021'
assert s.auth('LOGIN', s.auth_login)[0] == 235
assert s.verify('util2')[0] == 252
refused = s.sendmail('util1@local.isri.fr', ['util2', 'nobody@local.isri.fr'], 'Subject: été\r\n\r\n.\r\né'.encode(), ['BODY=8BITMIME'])
assert list(refused) == ['nobody@local.isri.fr'], refused
s.quit()
s = smtplib.SMTP(host, port, timeout=20)
try:
    s.login('util1', 'wrong'); raise SystemExit('logged in')
except smtplib.SMTPAuthenticationError: pass
s.login('util1', 'master2021')
s.quit()
`, "python3", "-", host, port)
	got := backend.messages()
	if len(got) != 1 || got[0].body != "Subject: été\r\n\r\n.\r\né\r\n" || got[0].env.Protocol != "ESMTPSA" {
		t.Errorf("got %v", got)
	}
}

// TestCurl mails five megabytes with curl.
func TestCurl(t *testing.T) {
	backend := &memory{}
	addr := listen(t, config(), backend)
	body := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat(".", 70)+"\r\n", 70_000)
	file := filepath.Join(t.TempDir(), "mail")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	runClient(t, "", "curl", "-sS", "--max-time", "60", "smtp://"+addr, "--mail-from", "util1", "--mail-rcpt", "util2", "-T", file)
	if got := backend.messages(); len(got) != 1 || !bytes.Equal([]byte(got[0].body), []byte(body)) {
		t.Errorf("%d messages, not the one that was sent", len(got))
	}
}
