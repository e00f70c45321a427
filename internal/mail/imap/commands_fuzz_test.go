package imap_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/imap"
	"maillab/internal/mail/imap/imaptest"
)

// script is a connection whose client has typed everything already.
type script struct {
	io.Reader
	out bytes.Buffer
}

func (s *script) Write(b []byte) (int, error)    { return s.out.Write(b) }
func (*script) Close() error                     { return nil }
func (*script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }

// quiet takes what a connection logs.
type quiet struct{ reason string }

func (*quiet) Secure()                    {}
func (*quiet) Login(string, string)       {}
func (*quiet) LoginFailed(string, string) {}
func (q *quiet) Disconnect(s imap.Stats)  { q.reason = string(s.Ending) }

// run plays a script and returns what was answered, and why it ended.
func run(wording string, typed io.Reader, messages ...string) (answer []byte, reason string) {
	backend := imaptest.New()
	backend.AddUser("u", "p", 100_000)
	for _, m := range messages {
		backend.Deliver("u", "INBOX", time.Unix(0, 0).UTC(), m)
	}
	q := &quiet{}
	conn := &script{Reader: typed}
	imap.New(imap.Config{Wording: wording, Witness: func(net.Conn) (mail.Recorder, imap.Log) { return nil, q }}, backend).
		ServeConn(context.Background(), conn)
	return conn.out.Bytes(), q.reason
}

// wellFormed checks that an answer is lines that end in CRLF, with literals of the length that they announce.
func wellFormed(answer []byte) bool {
	for mark := []byte("\xff\xfc\x06"); bytes.HasSuffix(answer, mark); { // telnet's, behind the last line
		answer = bytes.TrimSuffix(answer, mark)
	}
	for len(answer) > 0 {
		line, rest, ok := bytes.Cut(answer, []byte("\r\n"))
		if !ok || bytes.ContainsAny(line, "\r\n") {
			return false
		}
		answer = rest
		if open := bytes.LastIndexByte(line, '{'); open >= 0 && bytes.HasSuffix(line, []byte("}")) {
			n, err := strconv.Atoi(string(line[open+1 : len(line)-1]))
			if err != nil {
				continue
			}
			if n > len(answer) {
				return false
			}
			answer = answer[n:]
			if !bytes.Contains(answer, []byte("\r\n")) {
				return false
			}
		}
	}
	return true
}

// FuzzCommands: whatever is typed after a login, in either wording, is answered in lines, and nothing breaks.
func FuzzCommands(f *testing.F) {
	for _, s := range []string{
		"1 FETCH 1:* (FLAGS UID BODY[1] BODYSTRUCTURE ENVELOPE)\n2 STORE 1 +FLAGS (\\Deleted x)\n3 EXPUNGE\n4 LOGOUT\n",
		"1 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (% *) RETURN (STATUS (MESSAGES))\n2 CREATE a.b\n3 RENAME INBOX INBOX.x\n4 LSUB \"\" %\n",
		"1 APPEND INBOX (\\Seen k) \" 1-Jan-2026 00:00:00 +0000\" {5+}\na: b\n\n2 COPY 1:* INBOX\n3 MOVE 1 INBOX\n4 STATUS INBOX (MESSAGES UNSEEN)\n",
		"1 SORT (REVERSE SUBJECT FROM) UTF-8 ALL\n2 THREAD REFERENCES UTF-8 NOT SEEN\n3 SEARCH RETURN (MIN MAX) OR BODY x TEXT y\n",
		"1 ENABLE UTF8=ACCEPT CONDSTORE\n2 SELECT INBOX (CONDSTORE)\n3 FETCH 1 (MODSEQ) (CHANGEDSINCE 1)\n4 IDLE\nDONE\n5 ID (\"a\" NIL)\n",
		"1 GETQUOTAROOT INBOX\n2 MYRIGHTS INBOX\n3 LISTRIGHTS INBOX u\n4 UID FETCH *:1 BINARY[1]<0.3>\n5 UNSELECT\n6 AUTHENTICATE PLAIN\n",
		"1 CREATE \"&AMk-\"\n2 SUBSCRIBE {3+}\nabc\n3 LIST \"\" *\n4 CLOSE\n5 CHECK\n6 UID EXPUNGE 1:*\n",
	} {
		f.Add(s, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n")
	}
	f.Fuzz(func(t *testing.T, typed, message string) {
		for _, wording := range []string{"courier", "dovecot"} {
			answer, reason := run(wording, strings.NewReader("0 LOGIN u p\n0 SELECT INBOX\n"+typed), message, "Subject: two\n\nx\n")
			if reason == string(mail.Failed) || reason == string(mail.NotTaken) || !wellFormed(answer) {
				t.Fatalf("%s: %s\n%q", wording, reason, answer)
			}
		}
	})
}

// TestBrokenMail: each of these stays readable, and what is told of it is well formed.
func TestBrokenMail(t *testing.T) {
	const all = "1 FETCH %d (BODYSTRUCTURE BODY ENVELOPE BODY[1] BODY[1.MIME] BODY[1.1] BODY[HEADER] BODY[TEXT] BODY[HEADER.FIELDS (Subject)] BINARY[1])\n" +
		"2 SEARCH TEXT x SUBJECT x FROM x SENTSINCE 1-Jan-2020\n3 SORT (SUBJECT FROM DATE) UTF-8 ALL\n4 THREAD REFERENCES UTF-8 ALL\n5 FETCH 1 BODY[]\n"
	for name, message := range map[string]string{
		"nothing":        "",
		"no colon":       "this is no header\nneither is this\n\nbody\n",
		"NUL":            "Subject: a\x00b\nFrom: \x00 <a\x00@b>\n\nbo\x00dy\n",
		"8 bit":          "Subject: caf\xe9\nFrom: \xe9t\xe9 <\xe9@\xe9>\nContent-Type: text/plain; name=\xe9\n\n\xe9\n",
		"no parts":       "Content-Type: multipart/mixed; boundary=b\n\n",
		"10,000 parts":   "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 10_000),
		"1 MB header":    "Subject: x\n" + strings.Repeat("X-Long: "+strings.Repeat("y", 90)+"\n", 10_000) + "\nbody\n",
		"1 MB field":     "Subject: " + strings.Repeat("x ", 500_000) + "\nFrom: " + strings.Repeat("a@b, ", 50_000) + "\n\nbody\n",
		"5 MB header":    strings.Repeat("X: y\n", 1_000_000) + "\nbody\n",
		"endless":        strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 2000),
		"endless mails":  strings.Repeat("Content-Type: message/rfc822\n\n", 2000),
		"unknown coding": "Content-Transfer-Encoding: x-foo\nContent-Type: text/plain; charset=klingon\n\nx\n",
		"lone CR":        "Subject: a\rb\n\r\rbody\r",
		"folded nothing": "\n \n\t\n\n",
		"references":     "Message-ID: <a>\nReferences: " + strings.Repeat("<x@y> ", 20_000) + "<a>\n\nx\n",
	} {
		typed := "0 LOGIN u p\n0 SELECT INBOX\n" + strings.ReplaceAll(all, "%d", "1")
		answer, reason := run("dovecot", strings.NewReader(typed), message)
		if reason != string(mail.LineDropped) || !wellFormed(answer) {
			t.Errorf("%s: %s", name, reason)
		}
		for _, done := range []string{"\r\n2 OK ", "\r\n3 OK ", "\r\n4 OK ", "\r\n5 OK "} {
			if !bytes.Contains(answer, []byte(done)) {
				t.Errorf("%s: no %q", name, done)
			}
		}
		whole := strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\n", "\r\n")
		whole = strings.ReplaceAll(whole, "\x00", "\x80") // no literal has a NUL (RFC 3501, section 9)
		if !bytes.Contains(answer, []byte("BODY[] {"+strconv.Itoa(len(whole))+"}\r\n"+whole+")\r\n")) {
			t.Errorf("%s: BODY[] is not the message", name)
		}
	}
}
