package maild

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/belongings"
	"maillab/internal/control"
	"maillab/internal/mail"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/spec"
)

// sandboxed is a daemon on plain files, with its listeners.
type sandboxed struct {
	*Daemon
	t         testing.TB
	dir       string
	addresses map[string]string
}

func start(t testing.TB, accounts int, adjust ...func(*Config)) *sandboxed {
	t.Helper()
	return startIn(t, t.TempDir(), accounts, adjust...)
}

// startIn starts one in a folder.
func startIn(t testing.TB, dir string, accounts int, adjust ...func(*Config)) *sandboxed {
	t.Helper()
	hash, err := auth.Hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	s := spec.Sandbox{
		Version: spec.Version, Lab: "l", Hostname: "h.test", Domain: "test", Locals: []string{"test", "h.test", "localhost"}, Timezone: "UTC",
		Services: spec.Services{SMTP: &spec.SMTP{Auth: "none", Relay: "reject"}, POP3: &spec.POP3{Wording: "courier"}, IMAP: &spec.IMAP{Wording: "courier"}},
		Mail:     []spec.Mail{{To: "util1", Raw: []byte("From: a@b.c\nSubject: welcome\n\nhello\n")}},
		Files:    []spec.File{{Account: "util1", Path: "/home/util1/docs/fichier.txt", Mode: 0o644, Data: []byte("given\n")}},
		Outside:  []spec.Outside{{Domain: "*", MX: "mx.{domain}", Address: "192.0.2.25"}},
	}
	hashes := map[string]string{}
	for n := range accounts {
		name := fmt.Sprintf("util%d", n+1)
		s.Accounts = append(s.Accounts, spec.Account{Name: name, Student: "s" + name})
		hashes[name] = hash
	}
	cfg := Config{
		Spec: s, Files: mbox.PlainFiles(filepath.Join(dir, "users")), Accounts: auth.NewMemory(hashes),
		StateDir: filepath.Join(dir, "state"), LogFile: filepath.Join(dir, "mail.log"),
		Belongings: belongings.Plain{Dir: filepath.Join(dir, "users")}, AnyListener: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
	}
	for _, do := range adjust {
		do(&cfg)
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.Run(ctx) })
	b := &sandboxed{Daemon: d, t: t, dir: dir, addresses: map[string]string{}}
	for _, service := range []string{"smtp", "pop3", "imap"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		context.AfterFunc(ctx, func() { l.Close() })
		b.addresses[service] = l.Addr().String()
		wg.Go(func() { _ = d.Listen(ctx, l, service) })
	}
	t.Cleanup(func() { cancel(); wg.Wait(); d.Close() })
	b.wait("the starting mail", func() bool { return b.count("util1") == 1 })
	return b
}

// newEpoch begins an epoch without a reset.
func (b *sandboxed) newEpoch() error {
	info, err := os.Stat(filepath.Join(b.dir, "mail.log"))
	if err != nil {
		return err
	}
	return b.epochs.Begin(time.Now().UTC(), info.Size())
}

// wait waits for a state.
func (b *sandboxed) wait(what string, is func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("never saw: %s", what)
		}
	}
}

func (b *sandboxed) count(user string) int {
	c, err := b.spool.Counts(context.Background(), user)
	if err != nil {
		b.t.Error(err)
	}
	return c.Messages
}

func (b *sandboxed) box(user string) string {
	text, err := os.ReadFile(filepath.Join(b.dir, "users", "spool", user))
	if err != nil {
		b.t.Error(err)
	}
	return string(text)
}

func (b *sandboxed) send(body string, to ...string) error {
	return smtp.SendMail(b.addresses["smtp"], nil, "util2@test", to, []byte("Subject: x\r\n\r\n"+body+"\r\n"))
}

// by is a person at a telnet prompt.
type by struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func (b *sandboxed) telnet(service string) *by {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addresses[service])
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	p := &by{b.t, c, bufio.NewReader(c)}
	p.read()
	return p
}

func (p *by) read() string {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(20 * time.Second))
	line, err := p.in.ReadString('\n')
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	return strings.TrimRight(line, "\r\n")
}

// say types a line and reads up to the first line that begins with one of ends.
func (p *by) say(line string, ends ...string) (lines []string) {
	p.t.Helper()
	fmt.Fprintf(p, "%s\r\n", line)
	for {
		got := p.read()
		lines = append(lines, got)
		for _, end := range ends {
			if strings.HasPrefix(got, end) {
				return lines
			}
		}
	}
}

// last reads all that is still said before the connection is closed.
func (p *by) last() string {
	_ = p.SetReadDeadline(time.Now().Add(20 * time.Second))
	text, err := io.ReadAll(p.in)
	if err != nil {
		p.t.Errorf("the connection stays open: %v", err)
	}
	return string(text)
}

// TestResetUnderWay: a POP3 and an IMAP session, a typed SMTP dialogue, somebody's locks on the mailbox, and mail that
// goes on arriving.
func TestResetUnderWay(t *testing.T) {
	b := start(t, 3)
	pop := b.telnet("pop3")
	pop.say("USER util1", "+OK")
	pop.say("PASS secret", "+OK")
	pop.say("DELE 1", "+OK")
	imap := b.telnet("imap")
	imap.say("a LOGIN util1 secret", "a OK")
	validity := imap.say("b SELECT INBOX", "b OK")
	other := b.telnet("imap") // at the login prompt: nothing of his is being replaced
	typed := b.telnet("smtp")
	typed.say("MAIL FROM:<util2@test>", "250")

	var senders sync.WaitGroup
	stop := make(chan struct{})
	var mu sync.Mutex
	epoch := "old"
	for n := range 4 {
		senders.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				now := epoch
				mu.Unlock()
				if err := b.send(fmt.Sprintf("%s-%d-%d", now, n, i), "util1@test"); err != nil {
					t.Errorf("mail was refused: %v", err)
				}
			}
		})
	}
	if err := b.send("waits", "somebody@far.away.test"); err != nil {
		t.Fatal(err)
	}
	b.wait("waiting mail", func() bool { return len(b.queue.List()) > 0 })
	b.wait("some mail", func() bool { return strings.Count(b.box("util1"), "\nold-") > 20 })
	unlock := b.lockByStudent("util1")
	defer unlock()

	// Mail that is under way just now may be of either epoch; all that was answered before is of the old one.
	before := answered(b.box("util1"))
	began := time.Now()
	report, err := b.lessons.Reset(t.Context(), control.Reset{Scope: string(belongings.Mail)})
	took := time.Since(began)
	mu.Lock()
	epoch = "new"
	mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("took %v", took)
	if report.Sessions != 2 || report.Queued == 0 || report.Epoch != 2 || len(report.Accounts) != 3 {
		t.Errorf("report: %+v", report)
	}
	if word := pop.last(); !strings.HasPrefix(word, "-ERR [SYS/TEMP] Mailbox was reset") {
		t.Errorf("POP3 said %q", word)
	}
	if word := imap.last(); !strings.HasPrefix(word, "* BYE Mailbox was reset") {
		t.Errorf("IMAP said %q", word)
	}
	other.say("a LOGIN util1 secret", "a OK")
	if again := other.say("b SELECT INBOX", "b OK"); slices.Equal(validities(again), validities(validity)) {
		t.Errorf("the same UIDVALIDITY: %v", validities(again))
	}
	typed.say("RCPT TO:<util1@test>", "250")
	b.wait("mail of the new epoch", func() bool { return strings.Contains(b.box("util1"), "\nnew-") })
	close(stop)
	senders.Wait()
	now := b.box("util1")
	if !strings.HasPrefix(now, "From a@b.c") || strings.Count(now, "Subject: welcome") != 1 {
		t.Errorf("the starting mail is not first: %.200q", now)
	}
	for body := range answered(now) {
		if before[body] {
			t.Errorf("%s is of the old epoch", body)
		}
	}
	if b.epochs.Current().Number != 2 {
		t.Errorf("epoch %+v", b.epochs.Current())
	}
}

// answered are the bodies in a mailbox.
func answered(box string) map[string]bool {
	bodies := map[string]bool{}
	for line := range strings.Lines(box) {
		if strings.HasPrefix(line, "old-") || strings.HasPrefix(line, "new-") {
			bodies[strings.TrimSpace(line)] = true
		}
	}
	return bodies
}

func validities(lines []string) (found []string) {
	for _, line := range lines {
		if strings.Contains(line, "UIDVALIDITY") {
			found = append(found, line)
		}
	}
	return found
}

// TestResetScopes: what each scope takes with it.
func TestResetScopes(t *testing.T) {
	tests := []struct {
		scope belongings.Scope
		want  []string
	}{
		{belongings.Mail, []string{".bashrc", "docs/fichier.txt", "mine"}},
		{belongings.Home, []string{"docs/fichier.txt", "mail/Sent", "mbox"}},
		{belongings.All, []string{"docs/fichier.txt"}},
	}
	for _, tt := range tests {
		t.Run(string(tt.scope), func(t *testing.T) {
			b := start(t, 1)
			home := filepath.Join(b.dir, "users", "home", "util1")
			for _, name := range []string{".bashrc", "mine", "mail/Sent", "mbox", "docs/fichier.txt"} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(home, name), []byte("changed\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.send("before", "util1@test"); err != nil {
				t.Fatal(err)
			}
			if _, err := b.lessons.Reset(t.Context(), control.Reset{Scope: string(tt.scope)}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, filesIn(t, home)); diff != "" {
				t.Error(diff)
			}
			kept := strings.Contains(b.box("util1"), "before")
			if kept != (tt.scope == belongings.Home) {
				t.Errorf("mail kept: %v", kept)
			}
			text, err := os.ReadFile(filepath.Join(home, "docs/fichier.txt"))
			if given := string(text) == "given\n"; err != nil || given != (tt.scope != belongings.Mail) {
				t.Errorf("docs/fichier.txt: %q %v", text, err)
			}
		})
	}
}

func filesIn(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestSnapshotBringsUIDsBack: a client that synchronises afterwards sees exactly the old state.
func TestSnapshotBringsUIDsBack(t *testing.T) {
	b := start(t, 2)
	for i := range 5 {
		if err := b.send(fmt.Sprint("m", i), "util1@test"); err != nil {
			t.Fatal(err)
		}
	}
	c := b.telnet("imap")
	c.say("a LOGIN util1 secret", "a OK")
	c.say("b SELECT INBOX", "b OK")
	c.say(`c STORE 2 +FLAGS (\Flagged \Deleted hot)`, "c OK")
	c.say("d EXPUNGE", "d OK")
	c.say(`e STORE 3 +FLAGS (\Answered cool)`, "e OK")
	c.say("f CREATE INBOX.Archives", "f OK")
	c.say("g COPY 1:2 INBOX.Archives", "g OK")
	c.say("h SUBSCRIBE INBOX.Archives", "h OK")
	c.say("i LOGOUT", "i OK")
	if err := b.send("waits", "x@far.away.test"); err != nil {
		t.Fatal(err)
	}
	old := b.seen()
	var saved bytes.Buffer
	if err := b.lessons.Save(t.Context(), nil, &saved); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(old, b.seen()); diff != "" {
		t.Errorf("the snapshot changed something: %s", diff)
	}

	for i := range 3 {
		if err := b.send(fmt.Sprint("later", i), "util1@test"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.lessons.Reset(t.Context(), control.Reset{Scope: string(belongings.All)}); err != nil {
		t.Fatal(err)
	}
	if err := b.send("later still", "util1@test"); err != nil {
		t.Fatal(err)
	}
	b.restore(t, saved.Bytes())
	if diff := cmp.Diff(old, b.seen()); diff != "" {
		t.Errorf("not the old state (-old +now):\n%s", diff)
	}
	queued := b.queue.List()
	if len(queued) != 1 || queued[0].Recipients[0].Address != "x@far.away.test" {
		t.Errorf("waiting mail: %+v", queued)
	}
}

func (b *sandboxed) restore(t *testing.T, archive []byte) control.ResetReport {
	t.Helper()
	report, err := b.lessons.Restore(t.Context(), control.Restore{Scope: string(belongings.All)}, bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// seen is all that POP3 and IMAP clients can tell about util1's mail.
func (b *sandboxed) seen() []string {
	c := b.telnet("imap")
	c.say("a LOGIN util1 secret", "a OK")
	lines := c.say(`b LSUB "" *`, "b OK")
	for _, box := range []string{"INBOX", "INBOX.Archives"} {
		lines = append(lines, c.say("c EXAMINE "+box, "c OK")...)
		lines = append(lines, c.say("d UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])", "d OK")...)
	}
	c.say("e LOGOUT", "e OK")
	p := b.telnet("pop3")
	p.say("USER util1", "+OK")
	p.say("PASS secret", "+OK")
	lines = append(lines, p.say("UIDL", ".")...)
	p.say("QUIT", "+OK")
	return lines
}

// TestDamagedStreamChangesNothing: cut anywhere, or with a wrong entry, nothing is touched.
func TestDamagedStreamChangesNothing(t *testing.T) {
	b := start(t, 2)
	if err := b.send("there", "util1@test"); err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if err := b.lessons.Save(t.Context(), nil, &saved); err != nil {
		t.Fatal(err)
	}
	before, old := b.box("util1"), b.epochs.Current()
	whole := saved.Bytes()
	streams := map[string]io.Reader{
		"empty":       bytes.NewReader(nil),
		"no tar":      strings.NewReader(strings.Repeat("x", 2000)),
		"cut":         io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), broken{}),
		"cut at end":  io.MultiReader(bytes.NewReader(whole[:len(whole)-1024]), broken{}),
		"other entry": bytes.NewReader(bytes.Replace(slices.Clone(whole), []byte("accounts/util1/inbox\x00"), []byte("accounts/util1/../..\x00"), 1)),
	}
	for name, stream := range streams {
		if report, err := b.lessons.Restore(t.Context(), control.Restore{Scope: string(belongings.All)}, stream); err == nil {
			t.Errorf("%s was restored: %+v", name, report)
		}
		if b.box("util1") != before || b.epochs.Current() != old {
			t.Errorf("%s changed something", name)
		}
	}
}

// broken is a connection that was cut.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestSharedServer: one student of several is put back; the others' mail, sessions and evidence stay.
func TestSharedServer(t *testing.T) {
	b := start(t, 3)
	for _, user := range []string{"util1", "util2"} {
		if err := b.send("mail", user+"@test"); err != nil {
			t.Fatal(err)
		}
	}
	other := b.telnet("pop3")
	other.say("USER util2", "+OK")
	other.say("PASS secret", "+OK")
	report, err := b.lessons.Reset(t.Context(), control.Reset{Students: []string{"sutil1"}, Scope: string(belongings.Mail)})
	if err != nil {
		t.Fatal(err)
	}
	want := control.ResetReport{Accounts: []control.ResetAccount{{Name: "util1", Student: "sutil1", Dropped: 2}}}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
	if got := other.say("STAT", "+OK", "-ERR"); !strings.HasPrefix(got[0], "+OK 1 ") {
		t.Errorf("the other's session: %v", got)
	}
	if b.count("util1") != 1 || b.count("util2") != 1 {
		t.Errorf("%d and %d messages", b.count("util1"), b.count("util2"))
	}
	if _, err := b.lessons.Reset(t.Context(), control.Reset{Students: []string{"nobody"}, Scope: string(belongings.Mail)}); err == nil {
		t.Error("nobody was put back")
	}
}

// TestResetClearsWhatWaits of one student: what he sent, under whatever name, and what is for his own server; the others'
// waits on.
func TestResetClearsWhatWaits(t *testing.T) {
	b := start(t, 3, func(c *Config) {
		c.Spec.Routes = []spec.Route{{To: "liste1@test", Via: "127.0.0.1:2501", Account: "util1"}, {To: "liste2@test", Via: "127.0.0.1:2502", Account: "util2"}}
	})
	for _, e := range []mail.Envelope{
		{Sender: mail.Address{Typed: "president@elsewhere.test"}, User: "util1", Recipients: []mail.Recipient{{Address: mail.Address{Typed: "a@far.test"}}}},
		{Sender: mail.Address{Typed: "util3"}, ClientAddr: "192.0.2.1", Recipients: []mail.Recipient{{Address: mail.Address{Typed: "liste1@test"}}}},
		{Sender: mail.Address{Typed: "util3"}, User: "util3", Recipients: []mail.Recipient{{Address: mail.Address{Typed: "liste2@test"}}}},
	} {
		e.ID = b.queue.NewID()
		if err := b.accept(t.Context(), &e, strings.NewReader("Subject: x\n\n"), nil); err != nil {
			t.Fatal(err)
		}
	}
	report, err := b.lessons.Reset(t.Context(), control.Reset{Students: []string{"sutil1"}, Scope: string(belongings.Mail)})
	if err != nil || report.Queued != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	if left := b.queue.List(); len(left) != 1 || left[0].Recipients[0].Address != "liste2@test" {
		t.Errorf("%+v waits", left)
	}
}

func BenchmarkReset(b *testing.B) {
	s := start(b, 20)
	for b.Loop() {
		if _, err := s.lessons.Reset(b.Context(), control.Reset{Scope: string(belongings.Mail)}); err != nil {
			b.Fatal(err)
		}
	}
}
