//go:build linux

package mailproof

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// home is a client's: what it is told and what it keeps.
type home struct {
	t   *testing.T
	dir string
	d   *daemon
}

// newHome starts a daemon with three messages in util1's mailbox, one of them read by mail, and gives a client a home.
// Tests of programs that are not installed are skipped.
func newHome(t *testing.T, program string) home {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	d := newDaemon(t, settings{})
	d.start()
	h := home{t, t.TempDir(), d}
	for n := range 3 {
		h.post(n)
	}
	return h
}

// post sends a message to util1 that programs have their trouble with.
func (h home) post(n int) {
	h.t.Helper()
	s := newSender("letter", h.d.addr("smtp"), newLedger(), 0)
	defer s.hangUp()
	if err := s.send(letter{id: fmt.Sprintf("letter.%d", n), to: []string{"util1"}, n: 16 + n}); err != nil {
		h.t.Fatal(err)
	}
}

// write makes a file of the client's, private as some of them want it.
func (h home) write(name, format string, args ...any) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// run runs a client, which must succeed.
func (h home) run(program string, args ...string) string {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), "timeout", append([]string{"60", program}, args...)...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "HOME="+h.dir, "TERM=xterm", "LANG=C.UTF-8", "USER=util1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// mails counts the messages in a client's folder, by their last lines. A file that the client has put in another's place meanwhile
// is not one.
func (h home) mails(under string) (whole int) {
	h.t.Helper()
	err := filepath.WalkDir(filepath.Join(h.dir, under), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		for n := range 5 {
			whole += strings.Count(strings.ReplaceAll(string(text), "\r", ""), fmt.Sprintf("\nend of letter.%d\n", n))
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return whole
}

func (h home) wantMails(under string, want int) {
	h.t.Helper()
	if got := h.mails(under); got != want {
		h.t.Errorf("%d whole messages came, want %d", got, want)
	}
}

func TestPythonLibraries(t *testing.T) {
	h := newHome(t, "python3")
	got := h.run("python3", "-c", `
import poplib, imaplib, smtplib, sys
smtp, pop3, imap = map(int, sys.argv[1:4])
with smtplib.SMTP("127.0.0.1", smtp, timeout=30) as s:
    s.sendmail("util2", ["util1", "util3"], "Subject: d\xe9j\xe0\r\n\r\n.dots\r\n..\r\nend of letter.3\r\n".encode())
p = poplib.POP3("127.0.0.1", pop3, timeout=30)
p.user("util1"); p.pass_("master2021")
print(p.stat()[0], len(p.uidl()[1]))
assert p.retr(4)[1][-3:] == [b".dots", b"..", b"end of letter.3"], p.retr(4)
p.dele(2); p.quit()
m = imaplib.IMAP4("127.0.0.1", imap, timeout=30)
m.login("util1", "master2021")
print(m.select("INBOX"), m.search(None, "SUBJECT", "letter.2"), m.search(None, "UNSEEN"))
m.store("1", "+FLAGS", "\\Flagged"); m.create("Archives"); m.copy("1:2", "Archives")
m.append("INBOX", "\\Seen", None, b"Subject: appended\r\n\r\nend of letter.4\r\n")
m.noop(); print(m.response("EXISTS"), m.status("Archives", "(MESSAGES UIDNEXT)"), m.fetch("4", "(FLAGS)"))
m.store("1:2", "+FLAGS", "\\Deleted"); print(m.expunge()); m.logout()
`, h.d.port("smtp"), h.d.port("pop3"), h.d.port("imap"))
	want := `4 4
('OK', [b'3']) ('OK', [b'2']) ('OK', [b'1 2 3'])
('EXISTS', [b'3', b'4']) ('OK', [b'Archives (MESSAGES 2 UIDNEXT 3)']) ('OK', [b'4 (FLAGS (\\Seen \\Recent))'])
('OK', [b'1', b'1'])
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCurl(t *testing.T) {
	h := newHome(t, "curl")
	login := []string{"-sS", "--user", "util1:" + password}
	for _, url := range []string{"pop3://" + h.d.addr("pop3") + "/2", "imap://" + h.d.addr("imap") + "/INBOX;MAILINDEX=2"} {
		if got := h.run("curl", append(login, url)...); !strings.HasSuffix(strings.TrimSpace(got), "end of letter.1") {
			t.Errorf("%s: …%q", url, lastLines(got, 2))
		}
	}
	mail := h.write("mail", "Subject: by curl\r\n\r\nend of letter.3\r\n")
	h.run("curl", "-sS", "smtp://"+h.d.addr("smtp"), "--mail-from", "util2", "--mail-rcpt", "util1", "-T", mail)
	if got := h.run("curl", append(login, "imap://"+h.d.addr("imap")+"/INBOX?SUBJECT%20by")...); !strings.Contains(got, "SEARCH 4") {
		t.Errorf("searching: %q", got)
	}
}

func TestMutt(t *testing.T) {
	h := newHome(t, "mutt")
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("script is not installed")
	}
	for _, url := range []string{"imap://util1@" + h.d.addr("imap") + "/INBOX", "pop://util1@" + h.d.addr("pop3")} {
		h.write("muttrc", `set folder="" ssl_starttls=no ssl_force_tls=no imap_pass=%s pop_pass=%s mail_check=0 wait_key=no
set header_cache="" confirmappend=no confirmcreate=no delete=yes quit=yes sleep_time=0 move=no pop_delete=no record=""
`, password, password)
		// Tag all, copy them to a file; read the first one to its end.
		keys := "push '<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>" + h.dir + "/copies<enter><quit>'"
		h.run("script", "-qec", "mutt -F muttrc -f "+url+" -e \""+keys+"\"", "/dev/null")
		h.wantMails("copies", 3)
		if err := os.Remove(filepath.Join(h.dir, "copies")); err != nil {
			t.Fatal(err)
		}
	}
	h.run("script", "-qec", "mutt -F muttrc -e 'set smtp_url=smtp://"+h.d.addr("smtp")+" from=util2@local.isri.fr' -s 'by mutt' util1@local.isri.fr < muttrc", "/dev/null")
	within(t, "mutt's own mail", func() bool {
		text, err := os.ReadFile(h.d.spool("util1"))
		return err == nil && strings.Contains(string(text), "\nSubject: by mutt\n")
	})
}

func TestFetchmail(t *testing.T) {
	for _, protocol := range []string{"pop3", "imap"} {
		h := newHome(t, "fetchmail")
		rc := h.write("fetchmailrc", "set invisible\nset no bouncemail\npoll 127.0.0.1 proto %s port %s\n user util1 pass %s keep sslproto '' mda \"cat >> %s/got\"\n",
			protocol, h.d.port(protocol), password, h.dir)
		h.run("fetchmail", "-f", rc, "--pidfile", filepath.Join(h.dir, "pid"))
		h.wantMails("got", 3)
		if protocol == "imap" {
			continue // keeps its place by \Seen
		}
		cmd := exec.CommandContext(t.Context(), "fetchmail", "-f", rc, "--uidl", "--pidfile", filepath.Join(h.dir, "pid"), "--idfile", filepath.Join(h.dir, "ids"))
		cmd.Env = append(os.Environ(), "HOME="+h.dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("by UIDL: %v %s", err, out)
		}
		again := exec.CommandContext(t.Context(), cmd.Path, cmd.Args[1:]...)
		again.Env = cmd.Env
		out, err := again.CombinedOutput()
		if code := again.ProcessState.ExitCode(); code != 1 { // no new mail
			t.Errorf("the second time: %v %s", err, out)
		}
	}
}

func TestGetmail(t *testing.T) {
	for kind, port := range map[string]string{"SimplePOP3Retriever": "pop3", "SimpleIMAPRetriever": "imap"} {
		h := newHome(t, "getmail")
		h.write(".getmail/getmailrc", "[retriever]\ntype = %s\nserver = 127.0.0.1\nport = %s\nusername = util1\npassword = %s\n"+
			"[destination]\ntype = MDA_external\npath = /bin/sh\narguments = (\"-c\", \"cat >> %s/got\")\nallow_root_commands = true\n[options]\nread_all = false\n", kind, h.d.port(port), password, h.dir)
		h.write("got", "")
		for range 2 { // the second time nothing is new
			h.run("getmail", "--getmaildir", h.dir+"/.getmail")
			h.wantMails("got", 3)
		}
	}
}

func TestIsync(t *testing.T) {
	h := newHome(t, "mbsync")
	rc := h.write("mbsyncrc", `IMAPAccount lab
Host 127.0.0.1
Port %s
User util1
Pass %s
SSLType None
AuthMechs LOGIN

IMAPStore far
Account lab

MaildirStore near
Path %s/near/
Inbox %s/near/INBOX
SubFolders Verbatim

Channel lab
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`, h.d.port("imap"), password, h.dir, h.dir)
	if err := os.MkdirAll(filepath.Join(h.dir, "near"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.run("mbsync", "-c", rc, "-a")
	h.wantMails("near/INBOX", 3)
	sync := func(what string) string { // at what it did
		out := h.run("mbsync", "-c", rc, "-a", "-V")
		for line := range strings.Lines(out) {
			if strings.Contains(line, "Far: +") || strings.Contains(line, "Near: +") {
				return strings.TrimSpace(line)
			}
		}
		t.Logf("%s: %s", what, lastLines(out, 8))
		return ""
	}
	state := func() string {
		text, err := os.ReadFile(filepath.Join(h.dir, "near/INBOX/.mbsyncstate"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, box := range []string{"a", "a/b"} { // a mailbox with a mailbox below it, as mbsync makes them
		for _, d := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(h.dir, "near", box, d), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		h.write("near/"+box+"/new/1.x", "Subject: in %s\n\nx\n", box)
	}
	h.run("mbsync", "-c", rc, "-a")
	for _, box := range []string{"a", "a.d/b"} {
		text, err := os.ReadFile(filepath.Join(h.d.settings.Users, "home", "util1", "mail", box))
		if err != nil || !strings.Contains(string(text), "Subject: in a") {
			t.Errorf("%s: %q, %v", box, text, err)
		}
	}
	before := state()
	sync("the second time")
	if after := state(); after != before {
		t.Errorf("the second time something was done:\n%s\nbefore:\n%s", after, before)
	}
	h.readWithMail()
	h.post(3)
	sync("after mail")
	h.wantMails("near/INBOX", 4)
	if seen := h.run("sh", "-c", "ls near/INBOX/cur | grep -c ,.*S"); strings.TrimSpace(seen) != "1" {
		t.Errorf("%s messages are seen, want the one that mail read", seen)
	}
}

// readWithMail reads the first message in mailutils' mail, if that is installed, and leaves it in the mailbox.
func (h home) readWithMail() {
	h.t.Helper()
	m, missing := newMailUser(h.t, h.d, "util1", 0)
	if missing != "" {
		h.t.Skip(missing)
	}
	m.use("p 1\npreserve 1\nq\n")
}

func TestOfflineimap(t *testing.T) {
	h := newHome(t, "offlineimap")
	rc := h.write("offlineimaprc", `[general]
accounts = lab
ui = quiet
[Account lab]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = %s/near
[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = %s
remoteuser = util1
remotepass = %s
ssl = no
starttls = no
auth_mechanisms = LOGIN
`, h.dir, h.d.port("imap"), password)
	for range 2 {
		h.run("offlineimap", "-c", rc, "-o")
		h.wantMails("near", 3)
	}
	h.readWithMail()
	h.post(3)
	h.run("offlineimap", "-c", rc, "-o")
	h.wantMails("near", 4)
}

// TestImapclient: go-imap's client, told of new mail while it idles.
func TestImapclient(t *testing.T) {
	h := newHome(t, "true")
	exists := make(chan uint32, 100)
	c, data, err := imapSession(h.d.addr("imap"), "util1", &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				exists <- *data.NumMessages
			}
		},
	}})
	if err != nil || data.NumMessages != 3 {
		t.Fatal(data, err)
	}
	defer c.Close()
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	h.post(3)
	if n := <-exists; n != 4 {
		t.Errorf("%d messages, want 4", n)
	}
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	moved, err := c.Create("Archives", nil).Wait(), error(nil)
	if err == nil && moved == nil {
		_, err = c.Move(imap.SeqSetNum(1, 2), "Archives").Wait()
	}
	if moved != nil || err != nil {
		t.Fatal(moved, err)
	}
	status, err := c.Status("Archives", &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil || *status.NumMessages != 2 {
		t.Errorf("%+v, %v", status, err)
	}
	_, ids, err := subjects(c, everything())
	if err != nil || strings.Join(ids, " ") != "letter.2 letter.3" {
		t.Errorf("left: %v, %v", ids, err)
	}
}
