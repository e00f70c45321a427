package pop3

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// talk types lines and returns the first reply line to each, after the greeting; multi-line replies are for dialogues.
type talk struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newTalk(t *testing.T, conn net.Conn) *talk {
	t.Helper()
	c := &talk{t, conn, bufio.NewReader(conn)}
	if got := c.line(); !strings.HasPrefix(got, "+OK") {
		t.Fatalf("greeting %q", got)
	}
	return c
}

func (c *talk) line() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second)) // only bounds a broken server
	got, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("got %q, %v", got, err)
	}
	return strings.TrimRight(got, "\r\n")
}

func (c *talk) raw(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *talk) say(line string) string {
	c.t.Helper()
	c.raw(line + "\r\n")
	return c.line()
}

func (c *talk) login() {
	c.t.Helper()
	c.say("USER util1")
	if got := c.say("PASS master2021"); !strings.HasPrefix(got, "+OK") {
		c.t.Fatalf("login: %q", got)
	}
}

// closed demands the end of the connection.
func (c *talk) closed() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.t.Errorf("want the end, got %q, %v", rest, err)
	}
}

func twoLetters(t testing.TB) *memory {
	return newMemory(t, func(i int) string { return fmt.Sprintf("uid-%d", i) }, "courier/start.eml", "courier/start.eml")
}

func TestOnlyQuitDeletes(t *testing.T) {
	both := []string{"uid-1", "uid-2"}
	for _, c := range []struct {
		name string
		last func(*talk)
		want []string
	}{
		{"quit", func(c *talk) { c.say("QUIT") }, []string{"uid-2"}},
		{"quit after rset", func(c *talk) { c.say("RSET"); c.say("QUIT") }, both},
		{"line dropped", func(c *talk) { c.conn.Close() }, both},
		{"line dropped in the middle of quit", func(c *talk) { c.raw("QUIT"); c.conn.Close() }, both},
		{"too many bad commands", func(c *talk) {
			for range 21 {
				c.say("FOO")
			}
			c.line()
		}, both},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, j := twoLetters(t), newJournal()
			conn := start(t, Config{Witness: witness(j, nil)}, b)
			p := newTalk(t, conn)
			p.login()
			p.say("DELE 1")
			c.last(p)
			<-j.closed
			if diff := cmp.Diff(c.want, b.uidls("util1")); diff != "" {
				t.Error(diff)
			}
			if b.inUse["util1"] || b.closed != 1 {
				t.Errorf("maildrop in use %v, closed %d times", b.inUse["util1"], b.closed)
			}
		})
	}
}

func TestQuitThatCannotRemove(t *testing.T) {
	b := twoLetters(t)
	b.commitErr = errors.New("disk on fire")
	p := newTalk(t, start(t, Config{}, b))
	p.login()
	p.say("DELE 2")
	if got := p.say("QUIT"); got != "-ERR "+sayUnsaved {
		t.Error(got)
	}
	p.closed()
}

func TestMaildropIsFixedAndExclusive(t *testing.T) {
	b := twoLetters(t)
	first := newTalk(t, start(t, Config{}, b))
	first.login()

	second := newTalk(t, start(t, Config{}, b))
	second.say("USER util1")
	if got := second.say("PASS master2021"); got != "-ERR [IN-USE] Mailbox is locked by another POP3 session." {
		t.Error(got)
	}

	b.mu.Lock()
	b.put("util1", "Subject: new\r\n\r\n", "uid-3")
	b.mu.Unlock()
	if got := first.say("STAT"); got != "+OK 2 366" {
		t.Error("mail that came later shows:", got)
	}
	first.say("QUIT")
	first.closed()

	second.login() // the same connection may try again (RFC 1939 §4)
	if got := second.say("STAT"); got != "+OK 3 382" {
		t.Error(got)
	}
}

func TestErrorsInARow(t *testing.T) {
	p := newTalk(t, start(t, Config{}, twoLetters(t)))
	for i := range 20 {
		if got := p.say(""); got != "-ERR Invalid command." {
			t.Fatalf("error %d: %q", i+1, got)
		}
	}
	if got := p.say("CAPA"); got != "+OK Here's what I can do:" {
		t.Fatal("hung up on the twentieth:", got)
	}
	for p.line() != "." {
	}
	for range 20 {
		p.say("FOO")
	}
	if got := p.say("BAR"); got != "-ERR Invalid command." {
		t.Error(got)
	}
	if got := p.line(); got != "-ERR "+sayTooMany {
		t.Error(got)
	}
	p.closed()
}

func TestLineThatIsTooLong(t *testing.T) {
	p := newTalk(t, start(t, Config{}, twoLetters(t)))
	if got := p.say("USER " + strings.Repeat("x", 3*maxLine)); got != "-ERR "+sayTooLong {
		t.Error(got)
	}
	p.login()
}

func TestTelnet(t *testing.T) {
	p := newTalk(t, start(t, Config{}, twoLetters(t)))
	p.raw("\xff\xfb\x01us\xff\xfd\x03er\xff\xfa\x18\x00xterm\xff\xff\xff\xf0 util1\r\n") // WILL ECHO, DO SGA, SB … SE
	if got := p.line(); got != "+OK Password required." {
		t.Error(got)
	}
	p.raw("\xff\xf4\xff\xfd\x06pass master2021\r\x00") // Ctrl-C: IP, DO TIMING-MARK; Return in character mode
	if got := p.line(); got != "\xff\xfc\x06+OK logged in." {
		t.Errorf("%q", got)
	}
	p.raw("noop\n") // nc
	if got := p.line(); got != "+OK Yup." {
		t.Error(got)
	}
}

func TestPipelining(t *testing.T) {
	p := newTalk(t, start(t, Config{}, twoLetters(t)))
	go func() { // a pipe's writer waits until all is read
		_, _ = io.WriteString(p.conn, "USER util1\r\nPASS master2021\r\nSTAT\r\nDELE 1\r\nNOOP\r\nQU")
	}()
	for _, want := range []string{"+OK Password required.", "+OK logged in.", "+OK 2 366", "+OK Deleted.", "+OK Yup."} {
		if got := p.line(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := p.say("IT"); got != "+OK Bye-bye." {
		t.Error(got)
	}
}

func TestBackendFaults(t *testing.T) {
	b := twoLetters(t)
	b.loginErr = errors.New("broker gone")
	p := newTalk(t, start(t, Config{}, b))
	p.say("USER util1")
	if got := p.say("PASS master2021"); got != "-ERR "+sayBusy {
		t.Error(got)
	}
	b.loginErr = nil
	p.login()
	b.openErr = fmt.Errorf("message 1: %w", mail.ErrGone)
	if got := p.say("RETR 1"); got != "-ERR "+sayGone {
		t.Error(got)
	}
	b.openErr = errors.New("i/o error")
	if got := p.say("TOP 1 0"); got != "-ERR "+sayUnread {
		t.Error(got)
	}
	b.openErr = nil
	if got := p.say("STAT"); got != "+OK 2 366" {
		t.Error(got)
	}
}

// TestTornMessage: a message that cannot be read to its end must not look like a whole one.
func TestTornMessage(t *testing.T) {
	b := twoLetters(t)
	b.readErr = errors.New("i/o error")
	p := newTalk(t, start(t, Config{}, b))
	p.login()
	p.raw("RETR 1\r\n")
	rest, err := io.ReadAll(p.in)
	if err != nil || strings.HasSuffix(string(rest), "\r\n.\r\n") {
		t.Errorf("got %q, %v", rest, err)
	}
}

func TestMailLogAndRecord(t *testing.T) {
	b, j, e := twoLetters(t), newJournal(), &events{}
	p := newTalk(t, start(t, Config{Witness: witness(j, e)}, b))
	p.say("user util1@local.isri.fr")
	p.say("passmaster2021")
	p.say("pass faux")
	p.say("AUTH PLAIN AHV0aWwxAG5vbg==")
	p.raw("AUTH PLAIN\r\n")
	p.line()
	p.say("AHV0aWwxAG1hc3RlcjIwMjE=")
	p.raw("RETR 2\r\n")
	for p.line() != "." {
	}
	p.raw("TOP 1 0\r\n")
	for p.line() != "." {
	}
	p.say("dele 1")
	p.say("quit")
	<-j.closed
	if diff := cmp.Diff([]string{
		"S: +OK Hello there.",
		"C: user util1@local.isri.fr", "S: +OK Password required.",
		"C: pass********", "S: -ERR Invalid command.",
		"C: pass ********", "S: -ERR Login failed.",
		"C: AUTH PLAIN ********", "S: -ERR Login failed.",
		"C: AUTH PLAIN", "S: + ", "C: ********", "account util1", "S: +OK logged in.",
		"C: RETR 2", "S: +OK 183 octets follow.", "data 183",
		"C: TOP 1 0", "S: +OK headers follow.", "data 166",
		"C: dele 1", "S: +OK Deleted.",
		"C: quit", "S: +OK Bye-bye.",
	}, j.text()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"failed util1@local.isri.fr USER",
		"failed util1 PLAIN",
		"login util1 PLAIN tls=false",
		`logged out "util1" retr=1/183 top=1/166 del=1/2 size=366`,
	}, e.text()); diff != "" {
		t.Error(diff)
	}
}

// TestAgainAtOnce: with the answer to QUIT the maildrop is free, so that a client may come back at once.
func TestAgainAtOnce(t *testing.T) {
	addr := listen(t, Config{Wording: Dovecot}, twoLetters(t))
	for range 200 {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		c := newTalk(t, conn)
		c.login()
		c.say("QUIT")
		defer conn.Close()
	}
}
