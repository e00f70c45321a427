//go:build linux

package mailproof

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// imapSession logs in and selects INBOX.
func imapSession(addr, user string, options *imapclient.Options) (*imapclient.Client, *imap.SelectData, error) {
	conn, err := dial(addr)
	if err != nil {
		return nil, nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	c := imapclient.New(conn.Conn, options)
	if err := c.Login(user, password).Wait(); err != nil {
		c.Close()
		return nil, nil, err
	}
	data, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, data, nil
}

// subjects are a mailbox's messages by UID, in order.
func subjects(c *imapclient.Client, set imap.NumSet) (uids []imap.UID, ids []string, err error) {
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject"}, Peek: true}
	found, err := c.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	for _, m := range found {
		uids = append(uids, m.UID)
		ids = append(ids, subjectOf(string(m.FindBodySection(section))))
	}
	return uids, ids, err
}

func subjectOf(text string) string {
	_, rest, _ := strings.Cut("\n"+text, "\nSubject: ")
	subject, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(subject, "\r")
}

// everything is 1:*.
func everything() imap.NumSet {
	var set imap.SeqSet
	set.AddRange(1, 0)
	return set
}

// tidy is an IMAP user who reads his mail and expunges the older half whenever there is much of it.
func tidy(ctx context.Context, addr, user string, l *ledger) error {
	c, data, err := imapSession(addr, user, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	if data.NumMessages > 0 {
		uids, ids, err := subjects(c, everything())
		if err != nil {
			return err
		}
		var half imap.UIDSet
		half.AddNum(uids[:len(uids)/2]...)
		if len(half) > 0 && len(uids) > 20 {
			l.away(user, ids[:len(uids)/2]...)
			flags := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted, imap.FlagSeen}}
			if err := c.Store(half, flags, nil).Close(); err != nil {
				return err
			}
			if _, err := c.UIDExpunge(half).Collect(); err != nil {
				return err
			}
		}
	}
	return c.Logout().Wait()
}

// collect is a POP3 user who takes his first messages away.
func collect(_ context.Context, addr, user string, l *ledger) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.upTo("+OK"); err != nil {
		return err
	}
	for _, text := range []string{"USER " + user, "PASS " + password} {
		if _, err := c.say(text, "+OK"); err != nil {
			return err
		}
	}
	status, err := c.say("STAT", "+OK")
	if err != nil {
		return err
	}
	var count int
	if _, err := fmt.Sscanf(status[0], "+OK %d", &count); err != nil {
		return err
	}
	for i := range min(count, 10) {
		lines, err := c.say(fmt.Sprintf("RETR %d", i+1), ".")
		if err != nil {
			return err
		}
		for lines[len(lines)-1] != "." { // a stuffed line
			more, err := c.upTo(".")
			if err != nil {
				return err
			}
			lines = append(lines, more...)
		}
		l.away(user, subjectOf(strings.Join(lines, "\n")))
		if _, err := c.say(fmt.Sprintf("DELE %d", i+1), "+OK"); err != nil {
			return err
		}
	}
	_, err = c.say("QUIT", "+OK")
	return err
}

// openReturned is an IMAP user who reads what came back, notes it and throws it away.
func openReturned(addr string, l *ledger) error {
	c, data, err := imapSession(addr, writer, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	if data.NumMessages == 0 {
		return c.Logout().Wait()
	}
	section := &imap.FetchItemBodySection{Peek: true}
	messages, err := c.Fetch(everything(), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		return err
	}
	var read imap.UIDSet
	for _, m := range messages {
		read.AddNum(m.UID)
		_, report, _ := strings.Cut(string(m.FindBodySection(section)), "Content-Type: message/delivery-status")
		for line := range strings.Lines(report) {
			if user, ok := strings.CutPrefix(line, "Final-Recipient: rfc822; "); ok {
				user, _, _ = strings.Cut(user, "@")
				l.note(letter{id: subjectOf(report), to: []string{user}}, func(f *fate) { f.bounced = true })
			}
		}
	}
	if err := c.Store(read, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return err
	}
	if _, err := c.UIDExpunge(read).Collect(); err != nil {
		return err
	}
	return c.Logout().Wait()
}

// forever does something again and again until ctx ends, whatever comes of it.
func forever(ctx context.Context, wg *sync.WaitGroup, do func()) {
	wg.Go(func() {
		for ctx.Err() == nil {
			do()
		}
	})
}

// mailUser is somebody who uses mailutils' mail on his mailbox.
type mailUser struct {
	home, path string
	uid        uint32
	crashed    atomic.Int32
}

// newMailUser gives a mailbox to uid; "" and a reason when mail cannot be run here. The directory is as /var/mail is: root's
// mail makes a dotlock in it and renames, a student's cannot, locks the file itself and rewrites it in place.
func newMailUser(t testing.TB, d *daemon, user string, uid uint32) (_ *mailUser, missing string) {
	t.Helper()
	version, err := exec.Command("mail", "--version").Output()
	if err != nil || !strings.Contains(string(version), "Mailutils") {
		return nil, "mailutils' mail is not installed"
	}
	if os.Getuid() != 0 {
		return nil, "running mail as another user needs root"
	}
	m := &mailUser{home: filepath.Join(d.settings.Dir, "reader-"+user), path: d.spool(user), uid: uid}
	for _, dir := range []string{m.home, filepath.Dir(m.path)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for dir := m.home; dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(d.settings.Users, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(m.path, os.O_CREATE|os.O_RDWR, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, p := range []string{m.home, m.path} {
		if err := os.Chown(p, int(uid), int(uid)); err != nil {
			t.Fatal(err)
		}
	}
	return m, ""
}

// use opens the mailbox, types something and lets mail end.
func (m *mailUser) use(typed string) string {
	cmd := exec.Command("mail")
	cmd.Stdin = strings.NewReader(typed)
	cmd.Dir = m.home
	cmd.Env = []string{"HOME=" + m.home, "MAIL=" + m.path, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "LANG=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: m.uid, Gid: m.uid}}
	out, _ := cmd.CombinedOutput() // it fails when there is no mail, too
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		m.crashed.Add(1)
	}
	return string(out)
}

// moved are the messages that mail moved to ~/mbox.
func (m *mailUser) moved() (ids []string) {
	text, _ := os.ReadFile(filepath.Join(m.home, "mbox"))
	for line := range strings.Lines(string(text)) {
		if id, ok := strings.CutPrefix(line, "Subject: "); ok {
			ids = append(ids, strings.TrimSpace(id))
		}
	}
	return ids
}
