package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail/auth"
	"maillab/internal/spec"
)

// A spec in a file is all that it needs: mail that comes in by SMTP is read by POP3, and is on disk afterwards.
func TestStandalone(t *testing.T) {
	hash, err := auth.Hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(spec.Sandbox{
		Version: spec.Version, Hostname: "mail.example.org", Domain: "example.org", Locals: []string{"example.org"}, Timezone: "UTC",
		Accounts: []spec.Account{{Name: "ann", PasswordHash: hash}}, TLS: "off",
		Services: spec.Services{SMTP: &spec.SMTP{Auth: "none", Relay: "reject", BareLF: "accept"}, POP3: &spec.POP3{Wording: "dovecot"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	base := freeBase(t)
	var log bytes.Buffer
	go func() {
		ended <- standalone(ctx, []string{"-spec", file, "-dir", filepath.Join(dir, "mail"), "-base", strconv.Itoa(base)}, &log)
	}()
	talk(t, base+25, "220", "HELO x", "250", "MAIL FROM:<a@example.net>", "250", "RCPT TO:<ann>", "250", "DATA", "354", "Subject: hello\r\n\r\nHi.\r\n.", "250")
	talk(t, base+110, "+OK", "USER ann", "+OK", "PASS secret", "+OK", "STAT", "+OK 1 ")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "mail", "users", "spool", "ann"))
	if err != nil || !bytes.Contains(kept, []byte("Subject: hello")) {
		t.Errorf("%v: %s", err, kept)
	}
}

// talk waits for a server, then says every other line and wants answers that begin with those between.
func talk(t *testing.T, port int, lines ...string) {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	conn, err := textproto.Dial("tcp", address)
	for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); conn, err = textproto.Dial("tcp", address) {
		time.Sleep(10 * time.Millisecond) // between two tries
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i, line := range lines {
		if i%2 == 1 {
			if err := conn.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if answer, err := conn.ReadLine(); err != nil || !strings.HasPrefix(answer, line) {
			t.Fatalf("port %d says %q (%v), want %q", port, answer, err, line)
		}
	}
}

// freeBase finds a base whose ports nobody listens on now.
func freeBase(t *testing.T) int {
	t.Helper()
next:
	for base := 21000 + os.Getpid()%1000; base < 32000; base += 200 {
		for _, offset := range offsets() {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(base+offset)))
			if err != nil {
				continue next
			}
			l.Close()
		}
		return base
	}
	t.Fatal("no base is free")
	return 0
}

func TestStandaloneRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, []byte(`{"version": 999}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"-spec and -dir are needed": nil,
		"no such file":              {"-spec", filepath.Join(dir, "nothing"), "-dir", dir},
		"version 999":               {"-spec", file, "-dir", dir},
	} {
		if err := standalone(t.Context(), args, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
