package imap_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail/imap"
	"maillab/internal/mail/imap/imaptest"
)

// session is a client that types lines.
type session struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// connect opens a connection and reads the greeting.
func connect(t *testing.T, s *imap.Server) *session {
	t.Helper()
	c := &session{t: t, conn: dial(t, s)}
	c.in = bufio.NewReader(c.conn)
	c.line()
	return c
}

// loggedIn is connect with a LOGIN and, when box is not "", a SELECT.
func loggedIn(t *testing.T, s *imap.Server, box string) *session {
	t.Helper()
	c := connect(t, s)
	c.ok("LOGIN util1 master2021")
	if box != "" {
		c.ok("SELECT " + box)
	}
	return c
}

func (c *session) line() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	l, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("reading: got %q, %v", l, err)
	}
	return strings.TrimRight(l, "\r\n")
}

func (c *session) send(text string) {
	c.t.Helper()
	_ = c.conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("typing %q: %v", text, err)
	}
}

// until reads lines up to one that starts with prefix, which is the last.
func (c *session) until(prefix string) []string {
	c.t.Helper()
	for lines := []string{}; ; {
		lines = append(lines, c.line())
		if strings.HasPrefix(lines[len(lines)-1], prefix) {
			return lines
		}
	}
}

// cmd sends a command and returns all that is answered, the tagged line last.
func (c *session) cmd(text string) []string {
	c.t.Helper()
	c.send("t " + text + "\r\n")
	return c.until("t ")
}

// ok demands an OK and returns the untagged lines.
func (c *session) ok(text string) []string {
	c.t.Helper()
	lines := c.cmd(text)
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "t OK") {
		c.t.Fatalf("%s: %s", text, last)
	}
	return lines[:len(lines)-1]
}

func (c *session) want(text string, lines ...string) {
	c.t.Helper()
	if diff := cmp.Diff(lines, c.cmd(text)); diff != "" {
		c.t.Errorf("%s: (-want +got)\n%s", text, diff)
	}
}

// TestDialogues plays the dialogues that were written for this server, rather than captured.
func TestDialogues(t *testing.T) {
	for _, wording := range []string{"courier", "dovecot"} {
		files, err := filepath.Glob("testdata/" + wording + "/own-*.txt")
		if err != nil || len(files) == 0 {
			t.Fatalf("%d dialogues, %v", len(files), err)
		}
		for _, file := range files {
			t.Run(wording+"/"+filepath.Base(file), func(t *testing.T) {
				_, server := start(t, wording)
				playExact(t, file, connectRaw(t, server))
			})
		}
	}
}

func connectRaw(t *testing.T, s *imap.Server) *session {
	c := &session{t: t, conn: dial(t, s)}
	c.in = bufio.NewReader(c.conn)
	return c
}

// playExact is like dialoguetest.Play, but compares word for word, and can write the file anew with UPDATE=1.
func playExact(t *testing.T, file string, c *session) {
	t.Helper()
	var seen strings.Builder
	want := read(t, file)
	tag := "* OK"
	answer := func() {
		for _, l := range c.until(tag) {
			seen.WriteString("S: " + l + "\n")
		}
	}
	answer()
	left := 0 // octets of a literal that are still to be typed
	for l := range strings.Lines(want) {
		if strings.HasPrefix(l, "#") {
			seen.WriteString(l)
		}
		typed, ok := strings.CutPrefix(strings.TrimSuffix(l, "\n"), "C: ")
		if !ok {
			continue
		}
		seen.WriteString(l)
		c.send(typed + "\r\n")
		if left > 0 {
			if left -= len(typed) + 2; left >= 0 {
				continue
			}
		} else if typed != "DONE" {
			tag = strings.Fields(typed)[0] + " "
		}
		m := regexp.MustCompile(`\{(\d+)(\+?)\}$`).FindStringSubmatch(typed)
		if m != nil {
			left, _ = strconv.Atoi(m[1])
		}
		switch {
		case m != nil && m[2] == "":
			seen.WriteString("S: " + c.line() + "\n")
		case strings.HasSuffix(typed, "IDLE"):
			seen.WriteString("S: " + c.line() + "\n")
		case m == nil:
			answer()
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(seen.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, seen.String()); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", file, diff)
	}
}

// TestChangesByOthers: two sessions on one mailbox; message numbers never go stale.
func TestChangesByOthers(t *testing.T) {
	backend, server := start(t, "courier")
	a, b := loggedIn(t, server, "INBOX"), loggedIn(t, server, "INBOX")
	backend.Deliver("util1", "INBOX", time.Now(), "Subject: three\n\nx\n")
	a.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
	a.ok("EXPUNGE")
	// b is told of flags and arrivals at once, of the expunge not while numbers are in flight.
	b.want("FETCH 2 UID", "* 2 FETCH (UID 2)", "* 3 EXISTS", "* 0 RECENT", "t OK FETCH completed.")
	b.want("SEARCH ALL", "* SEARCH 1 2 3", "t OK SEARCH done.")
	b.want("FETCH 1 BODY[TEXT]", "t NO [EXPUNGEISSUED] Some of the requested messages no longer exist.")
	a.ok("STORE 1 +FLAGS (\\Flagged)")
	b.want("STORE 3 FLAGS (work)", "* FLAGS (\\Draft \\Answered \\Flagged \\Deleted \\Seen \\Recent work)",
		"* OK [PERMANENTFLAGS (\\* \\Draft \\Answered \\Flagged \\Deleted \\Seen work)] Limited",
		"* 3 FETCH (FLAGS (work))", "* 2 FETCH (FLAGS (\\Flagged))", "t OK STORE completed.")
	b.want("UID FETCH 3 FLAGS", "* 3 FETCH (UID 3 FLAGS (work))", "* 1 EXPUNGE", "* 2 EXISTS", "* 0 RECENT", "t OK FETCH completed.")
	b.want("FETCH 1:* UID", "* 1 FETCH (UID 2)", "* 2 FETCH (UID 3)", "t OK FETCH completed.")
}

// TestIdle: what others do is told while IDLE waits, until DONE.
func TestIdle(t *testing.T) {
	backend, server := start(t, "dovecot")
	a, b := loggedIn(t, server, "INBOX"), loggedIn(t, server, "INBOX")
	b.send("i IDLE\r\n")
	b.until("+ ")
	backend.Deliver("util1", "INBOX", time.Now(), "Subject: new\n\nx\n")
	got := b.until("* 1 RECENT") // b is the first to be told of the third; a had claimed the others
	a.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
	got = append(got, b.line())
	a.ok("EXPUNGE")
	got = append(got, b.line())
	b.send("done\r\n")
	got = append(got, b.line())
	want := []string{"* 3 EXISTS", "* 1 RECENT", "* 1 FETCH (FLAGS (\\Deleted))", "* 1 EXPUNGE", "i OK Idle completed."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	b.send("j IDLE\r\n")
	b.until("+ ")
	b.send("j2 NOOP\r\n")
	if got := b.line(); got != "j BAD Expected DONE." {
		t.Error(got)
	}
}

// TestReset: a mailbox that is put back under a session ends it with a word, in IDLE too.
func TestReset(t *testing.T) {
	backend, server := start(t, "courier")
	a, b := loggedIn(t, server, "INBOX"), loggedIn(t, server, "INBOX")
	b.send("i IDLE\r\n")
	b.until("+ ")
	backend.Reset("util1", "INBOX")
	for _, c := range []*session{b, a} {
		if c == a {
			c.send("n NOOP\r\n")
		}
		if got := c.line(); got != "* BYE Mailbox was reset, please log in again." {
			t.Error(got)
		}
	}
}

// TestForgiving: what people and their telnets type gets an answer, and the connection stays.
func TestForgiving(t *testing.T) {
	_, server := start(t, "courier")
	c := connect(t, server)
	const mistake = "NO Error in IMAP command received by server."
	for _, tt := range []struct{ typed, answer string }{
		{"\r\n", "* " + mistake},
		{"   \r\n", "* " + mistake},
		{"a\n", "a " + mistake},
		{"LOGIN\r\n", "LOGIN " + mistake},
		{"\ta1 \t noop \t \r\n", "a1 OK NOOP completed"},
		{"a2 noop\n", "a2 OK NOOP completed"},
		{"a3 noop\r\x00", "a3 OK NOOP completed"},
		{"\xff\xfd\x01a4\xff\xfb\x03 no\xff\xf1op\xff\xfa\x18\x01x\xff\xf0\r\n", "a4 OK NOOP completed"},
		{"a\"5 noop\r\n", "* " + mistake},
		{"a6 login util1 {6}\r\n", "+ OK"},
		{"mauvai\r\n", "a6 NO Login failed."},
		{"a7 login \"util1\" {10+}\r\nmaster2021\r\n", "a7 OK LOGIN Ok."},
		{"a8 examine \"inbox\"\r\n", ""},
		{"a9 " + strings.Repeat("x", 70_000) + "\r\n", "a9 " + mistake},
		{"b0 status {5+}\r\nInBoX (messages)\r\n", `* STATUS "INBOX" (MESSAGES 2)`},
		{"b1 store 1 flags (\\seen)\r\n", "b1 NO Current box is selected READ-ONLY."},
		{"b2 close\r\n", "b2 OK mailbox closed."},
	} {
		c.send(tt.typed)
		if tt.answer == "" {
			c.until("a8 OK")
			continue
		}
		if got := c.line(); got != tt.answer {
			t.Errorf("%q: got %q, want %q", tt.typed, got, tt.answer)
		}
		if strings.HasPrefix(tt.typed, "b0") {
			c.until("b0 OK")
		}
	}
}

// TestTooManyBad: twenty mistakes in a row end the connection; one thing done right starts the count anew.
func TestTooManyBad(t *testing.T) {
	_, server := start(t, "dovecot")
	c := connect(t, server)
	for range 19 {
		c.cmd("FOO")
	}
	c.ok("NOOP")
	for range 19 {
		c.cmd("LOGIN util1 mauvais")
	}
	c.send("t FOO\r\n")
	c.until("t BAD")
	if got := c.line(); got != "* BYE Too many invalid IMAP commands." {
		t.Error(got)
	}
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		t.Errorf("want the end, got %q, %v", rest, err)
	}
}

// TestLiteralLimits: a literal that is too big is refused before it comes; one that comes unasked is thrown away.
func TestLiteralLimits(t *testing.T) {
	backend := imaptest.New()
	backend.AddUser("util1", "master2021", 0)
	server := imap.New(imap.Config{Wording: "dovecot", MaxMessage: 100_000}, backend)
	c := connect(t, server)
	c.want("LOGIN {100000}", "t NO [TOOBIG] Literal size too large")
	c.ok("LOGIN util1 master2021")
	c.want("APPEND INBOX {200000}", "t NO [TOOBIG] Literal size too large")
	c.want("APPEND nope {5}", "t NO [TRYCREATE] Mailbox doesn't exist: nope")
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c.conn, "t APPEND INBOX {200000+}\r\n"+strings.Repeat("x", 200_000)+"\r\n")
		sent <- err
	}()
	if got := c.line(); got != "t NO [TOOBIG] Literal size too large" {
		t.Error(got)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	c.want("SELECT {200000}", "t NO [TOOBIG] Literal size too large")
	c.ok("NOOP")
}

// TestShutdown: the end of the server's context is told, to a session that waits and to one in IDLE.
func TestShutdown(t *testing.T) {
	_, server := start(t, "dovecot")
	for _, first := range []string{"t NOOP", "t IDLE"} {
		ctx, cancel := context.WithCancel(context.Background())
		client, conn := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			server.ServeConn(ctx, conn)
		}()
		c := &session{t: t, conn: client, in: bufio.NewReader(client)}
		c.line()
		c.ok("LOGIN util1 master2021")
		c.send(first + "\r\n")
		c.line()
		cancel()
		if got := c.line(); got != "* BYE Server shutting down." {
			t.Errorf("%s: %q", first, got)
		}
		<-done
		client.Close()
	}
}

// TestTimeout: a client that says nothing is told so.
func TestTimeout(t *testing.T) {
	backend := imaptest.New()
	server := imap.New(imap.Config{LoginTimeout: time.Millisecond}, backend)
	c := connect(t, server)
	if got := c.line(); got != "* BYE Disconnected for inactivity." {
		t.Error(got)
	}
}

// TestEcho: what the client sent comes back without line ends, so that it cannot pass for another response.
func TestEcho(t *testing.T) {
	_, server := start(t, "dovecot")
	c := loggedIn(t, server, "")
	c.want("SELECT {11+}\r\nx\r\n* 9 EXIS", "t NO [CANNOT] Invalid mailbox name: x??* 9 EXIS")
	c.want("FETCH", "t BAD No mailbox selected.")
	c.want("SELECT", "t BAD Error in IMAP command SELECT: Invalid arguments.")
	c.want("NOOP "+strings.Repeat("x", 70_000), "t BAD Error in IMAP command NOOP: Too long command line.")
}
