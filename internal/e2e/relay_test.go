//go:build linux

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// TestRelay: a lab names a relay by a name. The instance's gateway looks that up and dials it, from where the engine is: what a
// student writes to the outside arrives there.
func TestRelay(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	relay := &outside{got: make(chan letter, 1)}
	server := smtp.NewServer(relay)
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	name := fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
	lab := filepath.Join(t.TempDir(), "lab.yaml")
	text := fmt.Sprintf(`apiVersion: maillab/v1
name: relayed
title: A relay
lang: en
hostname: mx
domain: school.test
timezone: UTC
accounts: [{name: util1, password: secret2021}]
services: {smtp: {relay: "%s"}, ssh: {}}
publish: {mode: ports, listen: 127.0.0.1, base: 21000}
`, name)
	if err := os.WriteFile(lab, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newClass(t, "relay")
	c.run("up", "-y", "-f", lab, "--students", "1")
	student := login(t, c.status().Sandboxes[0].Addresses["ssh"], "util1", "secret2021")
	output(t, student, "mail -s hello somebody@example.org", "over the relay\n")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	select {
	case got := <-relay.got:
		if got.to != "somebody@example.org" || !strings.Contains(got.text, "over the relay") {
			t.Errorf("the relay got %+v", got)
		}
	case <-ctx.Done():
		t.Fatal("nothing comes: ", output(t, student, "cat /var/log/mail.log", ""))
	}
	logged(t, student, "relay=localhost[127.0.0.1]:")
}

// letter is a message with the recipient that it came for.
type letter struct{ to, text string }

// outside is a relay, and one of its sessions.
type outside struct {
	got chan letter
	to  string
}

func (o *outside) NewSession(*smtp.Conn) (smtp.Session, error) { return &outside{got: o.got}, nil }
func (o *outside) Mail(string, *smtp.MailOptions) error        { return nil }
func (o *outside) Rcpt(to string, _ *smtp.RcptOptions) error   { o.to = to; return nil }
func (o *outside) Reset()                                      {}
func (o *outside) Logout() error                               { return nil }

func (o *outside) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	o.got <- letter{o.to, string(text)}
	return err
}
