package smtp

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"maillab/internal/mail"
	"maillab/internal/mail/dialoguetest"

	"github.com/google/go-cmp/cmp"
)

// ids takes the queue IDs out of a log.
func ids(lines []string) string {
	return regexp.MustCompile(`(?m)^[0-9A-F]{10,12}:`).ReplaceAllString(strings.Join(lines, "\n"), "ID:")
}

// TestLog plays the reference's dialogues, one after the other, and wants what Postfix's smtpd logged for them.
func TestLog(t *testing.T) {
	files, err := filepath.Glob("testdata/reference/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("dialogues: %v, %v", files, err)
	}
	log := &lineLog{}
	for _, file := range files {
		cfg := config()
		cfg.Connected, cfg.TLS = connected(mail.Discard{}, log), certificate(t)
		conn, over := dial(t, cfg, &memory{})
		dialoguetest.Play(t, file, conn, normalise)
		<-over
	}
	want, err := os.ReadFile("testdata/reference/smtpd.log")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(ids(strings.Split(string(want), "\n"))), ids(log.lines)); diff != "" {
		t.Error(diff)
	}
}

// TestLogOfTrouble is what Postfix logged when the same was done to it (internal/mail/log/testdata/postfix-more.log).
func TestLogOfTrouble(t *testing.T) {
	for _, tc := range []struct {
		name   string
		pieces []any
		want   []string
	}{
		{"lost in DATA", []any{"helo x\r\n", "mail from: util1\r\n", "rcpt to: util2\r\n", "data\r\n", "hello\r\nwor"}, []string{
			"ID: client=unknown[172.17.0.1]",
			"lost connection after DATA (7 bytes) from unknown[172.17.0.1]",
			"disconnect from unknown[172.17.0.1] helo=1 mail=1 rcpt=1 data=0/1 commands=3/4"}},
		{"lost in BDAT", []any{"ehlo x\r\n", "mail from: util1\r\n", "rcpt to: util2\r\n", "bdat 10\r\n", "hello\r\nwor"}, []string{
			"ID: client=unknown[172.17.0.1]",
			"lost connection after BDAT (10 bytes) from unknown[172.17.0.1]",
			"disconnect from unknown[172.17.0.1] ehlo=1 mail=1 rcpt=1 bdat=1 commands=4"}},
		{"typed ahead", []any{"ehlo x\r\n", "mail from: util1\r\nrcpt to:util2\r\nrcpt to:util3\r\ndata\r\nrset\r\n.\r\nquit\r\n"}, []string{
			"ID: client=unknown[172.17.0.1]",
			`improper command pipelining after DATA from unknown[172.17.0.1]: rset\r\n.\r\nquit\r\n`,
			"disconnect from unknown[172.17.0.1] ehlo=1 mail=1 rcpt=2 data=1 quit=1 commands=6"}},
		{"relay denied within a transaction", []any{"ehlo x\r\n", "mail from: util1\r\nrcpt to:util2\r\nrcpt to: util3@example.org\r\n", "quit\r\n"}, []string{
			"ID: client=unknown[172.17.0.1]",
			"ID: reject: RCPT from unknown[172.17.0.1]: 554 5.7.1 <util3@example.org>: Relay access denied; from=<util1> to=<util3@example.org> proto=ESMTP helo=<x>",
			"disconnect from unknown[172.17.0.1] ehlo=1 mail=1 rcpt=1/2 quit=1 commands=4/5"}},
		{"timeout in DATA", []any{"helo x\r\nmail from:util1\r\nrcpt to:util2\r\ndata\r\nhel", os.ErrDeadlineExceeded}, []string{
			`improper command pipelining after HELO from unknown[172.17.0.1]: mail from:util1\r\nrcpt to:util2\r\ndata\r\nhel`,
			"ID: client=unknown[172.17.0.1]",
			"timeout after DATA (0 bytes) from unknown[172.17.0.1]",
			"disconnect from unknown[172.17.0.1] helo=1 mail=1 rcpt=1 data=0/1 commands=3/4"}},
		{"a secret typed ahead", []any{"helo x\r\nauth plain AHV0aWwxAG1hc3RlcjIwMjE=\r\nquit\r\n"}, []string{
			`improper command pipelining after HELO from unknown[172.17.0.1]: AUTH ****`,
			"disconnect from unknown[172.17.0.1] helo=1 auth=0/1 quit=1 commands=2/3"}},
		{"nothing", []any{io.EOF}, []string{
			"lost connection after CONNECT from unknown[172.17.0.1]",
			"disconnect from unknown[172.17.0.1] commands=0/0"}},
		{"gone after a command", []any{"noop\r\n"}, []string{
			"lost connection after NOOP from unknown[172.17.0.1]",
			"disconnect from unknown[172.17.0.1] noop=1 commands=1"}},
		{"gone after a message", []any{"mail from:util1\r\n", "rcpt to:util2\r\n", "data\r\n", ".\r\n"}, []string{
			"ID: client=unknown[172.17.0.1]",
			"disconnect from unknown[172.17.0.1] mail=1 rcpt=1 data=1 commands=3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log := &lineLog{}
			cfg := config()
			cfg.Connected = connected(mail.Discard{}, log)
			run(t, cfg, &memory{}, tc.pieces...)
			want := append([]string{"connect from unknown[172.17.0.1]"}, tc.want...)
			if diff := cmp.Diff(strings.Join(want, "\n"), ids(log.lines)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
