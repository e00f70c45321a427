//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readWithMail reads the forged message with mail(1) on a terminal, as the sheet asks.
func readWithMail(t *testing.T, addresses map[string]string) {
	client := login(t, addresses["ssh"], "util1", "master2021")
	term := onTerminal(t, client, "mail")
	for !strings.Contains(term.skip(), "president@u-picard") {
	}
	term.typeLine("from president@u-picardie.fr")
	for term.skip() == "" {
	}
	term.typeLine("type subject \"\" president@u-picardie.fr")
	term.typeLine("quit")
	for {
		if _, ok := term.line(); !ok {
			break
		}
	}
	shown := strings.Join(term.seen, "\n")
	if !strings.Contains(shown, "president@u-picardie.fr") {
		t.Errorf("mail does not show the message:\n%s", shown)
	}
	if text := output(t, client, "mail -e && echo there", ""); !strings.Contains(text, "there") {
		t.Errorf("after reading, mail says that there is no mail: %s", text)
	}
}

// sendWithMail sends with mail -s from util1 to util11 and answers.
func sendWithMail(t *testing.T, addresses map[string]string) {
	util1 := login(t, addresses["ssh"], "util1", "master2021")
	util11 := login(t, addresses["ssh"], "util11", "master2021")
	if text := output(t, util1, "mail -s 'bonjour de util1' util11", "Salut.\n"); text != "" {
		t.Errorf("mail -s says %q", text)
	}
	if text := output(t, util11, "cat /var/mail/util11", ""); !strings.Contains(text, "Subject: bonjour de util1") || !strings.Contains(text, "\nSalut.\n") {
		t.Errorf("util11 has:\n%s", text)
	}
	output(t, util11, "mail -s 'Re: bonjour' util1@local.isri.fr", "Salut aussi.\n")
	if text := output(t, util1, "cat /var/mail/util1", ""); !strings.Contains(text, "Subject: Re: bonjour") {
		t.Errorf("util1 has:\n%s", text)
	}
	if text := output(t, util1, "cat /var/mail/util11", ""); !strings.Contains(text, "Permission denied") {
		t.Errorf("util1 can read util11's mail:\n%s", text)
	}
	if log := output(t, util1, "cat /var/log/mail.log", ""); !strings.Contains(log, "postfix/pickup[") {
		t.Errorf("the log does not tell of mail sent from inside:\n%s", log)
	}
}

// sameBytes reads util11's first message over POP3 and IMAP and compares both with the spool.
func sameBytes(t *testing.T, addresses map[string]string) {
	pop := lines(t, addresses["pop3"], "USER util11", "PASS master2021", "RETR 1", "QUIT")
	imap := lines(t, addresses["imap"], "a LOGIN util11 master2021", "b SELECT INBOX", "c FETCH 1 BODY.PEEK[]", "d LOGOUT")
	fromPOP := between(t, pop, `(?m)^\+OK \d+ octets follow\.\r\n`, "\r\n.\r\n")
	fromIMAP := between(t, imap, `(?m)^\* 1 FETCH \(BODY\[\] \{\d+\}\r\n`, "\r\n)\r\n")
	if d := cmp.Diff(fromPOP, fromIMAP); d != "" {
		t.Errorf("POP3 and IMAP differ: -POP3 +IMAP\n%s", d)
	}
	spool := output(t, login(t, addresses["ssh"], "util11", "master2021"), "cat /var/mail/util11", "")
	first := messages(spool)[0]
	body := strings.TrimSuffix(first[strings.IndexByte(first, '\n')+1:], "\n\n")
	body = regexp.MustCompile(`(?m)^(Status|X-Status|X-UID|X-IMAPbase|X-Keywords):.*\n`).ReplaceAllString(body, "")
	if d := cmp.Diff(body, strings.ReplaceAll(fromPOP, "\r\n", "\n")); d != "" {
		t.Errorf("the spool and POP3 differ: -spool +POP3\n%s", d)
	}
}

// lines says these lines to a server and returns all that it answers until it closes.
func lines(t *testing.T, address string, typed ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	if greeting, err := in.ReadString('\n'); err != nil || strings.HasPrefix(greeting, "-") {
		t.Fatalf("%s greets with %q, %v", address, greeting, err)
	}
	fmt.Fprint(conn, strings.Join(typed, "\r\n")+"\r\n")
	all, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// between is the text from behind what matches to before an end.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	at := regexp.MustCompile(from).FindStringIndex(text)
	if at == nil {
		t.Fatalf("%s is not in\n%s", from, text)
	}
	found, _, ok := strings.Cut(text[at[1]:], to)
	if !ok {
		t.Fatalf("%q does not end\n%s", to, text)
	}
	return found
}
