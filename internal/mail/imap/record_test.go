package imap_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
	"maillab/internal/mail/imap"
)

// TestNeverReads: a client that does not take what it asked for is let go.
func TestNeverReads(t *testing.T) {
	backend, _ := start(t, "courier")
	backend.Deliver("util1", "INBOX", time.Now(), "\n"+strings.Repeat("x\n", 1<<20))
	log := &watcher{closed: make(chan struct{})}
	server := imap.New(imap.Config{Witness: log.watch}, backend)
	mine, theirs := net.Pipe()
	late := &impatient{Conn: theirs}
	go server.ServeConn(context.Background(), late)
	c := &session{t: t, conn: mine, in: bufio.NewReader(mine)}
	c.line()
	c.ok("LOGIN util1 master2021")
	c.ok("SELECT INBOX")
	late.now.Store(true)
	c.send("t FETCH 3 BODY[]\r\n")
	<-log.closed
	if log.stats.Ending != mail.NotTaken {
		t.Errorf("%+v", log.stats)
	}
}

// impatient is a connection on which, once now is set, each write has timed out already.
type impatient struct {
	net.Conn
	now atomic.Bool
}

func (c *impatient) SetWriteDeadline(t time.Time) error {
	if c.now.Load() {
		t = time.Unix(1, 0)
	}
	return c.Conn.SetWriteDeadline(t)
}

// watcher keeps a record and a log.
type watcher struct {
	mu     sync.Mutex
	lines  []string
	stats  imap.Stats
	closed chan struct{}
}

func (w *watcher) watch(net.Conn) (mail.Recorder, imap.Log) { return w, w }

func (w *watcher) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *watcher) Client(line string)              { w.note("C: %s", line) }
func (w *watcher) Server(line string)              { w.note("S: %s", line) }
func (w *watcher) Data(n int)                      { w.note("data %d", n) }
func (w *watcher) Account(name string)             { w.note("account %s", name) }
func (w *watcher) Close()                          {}
func (w *watcher) Secure()                         {}
func (w *watcher) Login(user, method string)       { w.note("login %s %s", user, method) }
func (w *watcher) LoginFailed(user, method string) { w.note("failed %s %s", user, method) }
func (w *watcher) Disconnect(s imap.Stats) {
	w.stats = s
	close(w.closed)
}

// TestRecord: the dialogue is taken down line by line, passwords masked, literals by their size.
func TestRecord(t *testing.T) {
	backend, _ := start(t, "courier")
	w := &watcher{closed: make(chan struct{})}
	server := imap.New(imap.Config{Witness: w.watch}, backend)
	c := connect(t, server)
	c.send("login util1 master2021\r\n")
	c.line()
	c.cmd("LOGIN util1 mauvais")
	c.cmd("AUTHENTICATE PLAIN AHV0aWwxAG1hdXZhaXM=")
	c.send("t AUTHENTICATE PLAIN\r\n")
	c.line()
	c.send("AHV0aWwxAG1hdXZhaXM=\r\n")
	c.line()
	c.send("t LOGIN {5}\r\n")
	c.line()
	c.send("util1 master2021\r\n")
	c.line()
	c.ok("EXAMINE INBOX")
	c.ok("FETCH 1 BODY.PEEK[TEXT]")
	c.ok("LOGOUT")
	<-w.closed
	const greeting = 1
	want := []string{
		"C: login util1 ********", "S: login NO Error in IMAP command received by server.",
		"C: t LOGIN util1 ********", "failed util1 PLAIN", "S: t NO Login failed.",
		"C: t AUTHENTICATE PLAIN ********", "failed util1 PLAIN", "S: t NO Login failed.",
		"C: t AUTHENTICATE PLAIN", "S: + ", "C: ********", "failed util1 PLAIN", "S: t NO Login failed.",
		"C: t LOGIN {5}", "S: + OK", "C: [5 octets]", "C: ********", "account util1", "login util1 PLAIN", "S: t OK LOGIN Ok.",
		"C: t EXAMINE INBOX", "S: * FLAGS (\\Draft \\Answered \\Flagged \\Deleted \\Seen \\Recent)",
		"S: * OK [PERMANENTFLAGS ()] No permanent flags permitted", "S: * 2 EXISTS", "S: * 2 RECENT",
		"S: * OK [UIDVALIDITY 1001] Ok", `S: * OK [MYRIGHTS "acdilrsw"] ACL`, "S: t OK [READ-ONLY] Ok",
		"C: t FETCH 1 BODY.PEEK[TEXT]", "S: * 1 FETCH (BODY[TEXT] {17}", "S: [17 octets])", "S: t OK FETCH completed.",
		"C: t LOGOUT", "S: * BYE IMAP server shutting down", "S: t OK LOGOUT completed",
	}
	if diff := cmp.Diff(want, w.lines[greeting:]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s := w.stats
	if s.User != "util1" || s.Ending != mail.LoggedOut || s.Body != 17 || s.Attempts != 4 || s.In == 0 || s.Out == 0 {
		t.Errorf("%+v", s)
	}
}
