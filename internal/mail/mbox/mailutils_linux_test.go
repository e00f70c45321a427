package mbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// student is the user that mailutils runs as: nobody. As a student it locks with fcntl and rewrites in place, as root it
// takes a dotlock and renames; both are tried.
const student = 65534

// mailReader runs mailutils' mail on a spool file.
type mailReader struct {
	home, path string
	uid        uint32
	crashed    bool // a session of it
}

func newMailReader(t *testing.T, dir, user string, uid uint32) *mailReader {
	t.Helper()
	version, err := exec.Command("mail", "--version").Output()
	if err != nil || !bytes.Contains(version, []byte("Mailutils")) {
		t.Skip("mailutils' mail is not installed")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to run mail as another user")
	}
	for d := dir; d != os.TempDir() && len(d) > 1; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := &mailReader{home: filepath.Join(dir, "reader"), path: filepath.Join(dir, "spool", user), uid: uid}
	for _, d := range []string{r.home, filepath.Dir(r.path)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(r.path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_RDWR, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, p := range []string{r.home, r.path} {
		if err := os.Chown(p, int(uid), int(uid)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// command prepares mail with what is typed to it.
func (r *mailReader) command(typed string, args ...string) *exec.Cmd {
	cmd := exec.Command("mail", args...)
	cmd.Stdin = strings.NewReader(typed)
	cmd.Dir = r.home
	cmd.Env = []string{"HOME=" + r.home, "MAIL=" + r.path, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "LANG=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: r.uid, Gid: r.uid}}
	return cmd
}

func (r *mailReader) run(t *testing.T, typed string, args ...string) string {
	t.Helper()
	out, err := r.command(typed, args...).CombinedOutput()
	if err != nil && !bytes.Contains(out, []byte("No mail")) {
		t.Logf("mail: %v: %s", err, out)
	}
	return string(out)
}

// TestMailReadsFlags sees in mail what a session did, and the other way round.
func TestMailReadsFlags(t *testing.T) {
	for _, uid := range []uint32{0, student} {
		s, dir := newSpool(t)
		r := newMailReader(t, dir, "u", uid)
		three(t, s, dir)
		m := open(t, s, "u", "")
		before := []string{wire(t, m, 1), wire(t, m, 2), wire(t, m, 3)}
		if _, err := m.Store(context.Background(), []uint32{2}, mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen}); err != nil {
			t.Fatal(err)
		}
		if err := s.Tidy(context.Background()); err != nil {
			t.Fatal(err)
		}
		headers := r.run(t, "", "-H", "-f", r.path)
		lines := strings.Split(strings.TrimSpace(headers), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], ">N") || strings.Contains(lines[1][:3], "N") {
			t.Errorf("uid %d: mail -H shows\n%s", uid, headers)
		}
		r.run(t, "p 3\npreserve 3\nq\n", "-f", r.path)
		refresh(t, m)
		if msgs := m.Snapshot().Messages; len(msgs) != 3 || msgs[2].Flags != mail.Seen || msgs[0].Flags != 0 || msgs[0].Recent {
			t.Errorf("uid %d: after mail read the third: %+v\n%s", uid, msgs, read(t, r.path))
		}
		for i, want := range before {
			if got := wire(t, m, uint32(i+1)); got != want {
				t.Errorf("uid %d: message %d was %q, is %q", uid, i+1, want, got)
			}
		}
	}
}

// TestMailMovesReadMail lets mail quit: what was read goes to ~/mbox, the others keep their UIDs.
func TestMailMovesReadMail(t *testing.T) {
	for _, uid := range []uint32{0, student} {
		s, dir := newSpool(t)
		r := newMailReader(t, dir, "u", uid)
		three(t, s, dir)
		m := open(t, s, "u", "")
		third := wire(t, m, 3)
		out := r.run(t, "p 1\nd 2\nq\n", "-E", "set mbox="+filepath.Join(r.home, "mbox"))
		refresh(t, m)
		if got := uids(m); !slices.Equal(got, []uint32{3}) {
			t.Errorf("uid %d: UIDs left: %v\n%s\n%s", uid, got, out, read(t, r.path))
			continue
		}
		if got := wire(t, m, 3); got != third {
			t.Errorf("uid %d: %q, was %q", uid, got, third)
		}
		deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: new\n\n")})
		refresh(t, m)
		if got := uids(m); !slices.Equal(got, []uint32{3, 4}) {
			t.Errorf("uid %d: UIDs after a delivery: %v", uid, got)
		}
	}
}

// session starts mail and returns when it has read the mailbox; end lets it save and waits for its end.
func (r *mailReader) session(t *testing.T) (end func()) {
	t.Helper()
	cmd := r.command("", "-f", r.path)
	cmd.Stdin = nil
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const mark = "the mailbox is open"
	if _, err := io.WriteString(in, "p 1\np 2\necho "+mark+"\n"); err != nil {
		t.Error(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), mark) {
	}
	return func() {
		_, err := io.WriteString(in, "q\n")
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		ended := cmd.Wait()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			r.crashed = true
		} else if err := errors.Join(err, ended); err != nil {
			t.Errorf("mail: %v", err)
		}
	}
}

// TestDeliveriesWhileMailSaves delivers, stores and expunges from several sides while mail has the mailbox open, and
// while it saves it, again and again. Nothing that was acknowledged is lost, nothing comes twice, no UID changes its
// bytes. mailutils 3.15 crashes now and then while it saves, when the lock was not free at its first try: what it tears then is
// not ours, and all begins anew.
func TestDeliveriesWhileMailSaves(t *testing.T) {
	for _, uid := range []uint32{0, student} {
		for n := 0; !savedWhileDelivered(t, uid); n++ {
			if t.Log("mail crashed: its mailbox is not judged"); n == 5 {
				t.Fatal("nothing was proven: mail crashed each time")
			}
		}
	}
}

// savedWhileDelivered tells whether mail did not crash.
func savedWhileDelivered(t *testing.T, uid uint32) bool {
	const rounds, senders = 6, 4
	s, dir := newSpool(t, func(c *Config) { c.LockWait = time.Minute })
	r := newMailReader(t, dir, "u", uid)
	var sent, expunged []string
	send := func(wg *sync.WaitGroup, round int, when string) {
		for i := range senders {
			subject := fmt.Sprintf("round %d %s %d", round, when, i)
			raw := "Subject: " + subject + "\n\n" + strings.Repeat("line\nFrom a\n\n", i) + "end\n"
			sent = append(sent, subject)
			wg.Go(func() { deliver(t, s, mail.Delivery{User: "u", Body: []byte(raw)}) })
		}
	}
	var wg sync.WaitGroup
	send(&wg, 0, "before")
	wg.Wait()
	m := open(t, s, "u", "")
	known := map[uint32]string{}
	for round := range rounds {
		end := r.session(t)
		send(&wg, round, "while it is open")
		expunged = append(expunged, useMailbox(t, m, known)...)
		if err := s.Tidy(context.Background()); err != nil {
			t.Fatal(err)
		}
		send(&wg, round, "while it saves")
		wg.Go(end)
		expunged = append(expunged, useMailbox(t, m, known)...)
		wg.Wait()
		if r.crashed {
			return false
		}
		refresh(t, m)
	}
	account(t, m, r, sent, expunged, known)
	return true
}

// account finds each message once: in the mailbox, or gone because we expunged it or mail moved it to ~/mbox, or both.
func account(t *testing.T, m *Mailbox, r *mailReader, sent, expunged []string, known map[uint32]string) {
	t.Helper()
	var moved []string
	for line := range strings.Lines(read(t, filepath.Join(r.home, "mbox"))) {
		if subject, ok := strings.CutPrefix(line, "Subject: "); ok {
			moved = append(moved, strings.TrimSpace(subject))
		}
	}
	got := slices.Concat(expunged, moved)
	slices.Sort(got)
	got = slices.Compact(got)
	for _, msg := range m.Snapshot().Messages {
		got = append(got, subjectOf(t, m, msg.UID, known))
	}
	slices.Sort(sent)
	slices.Sort(got)
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("uid %d: -sent +accounted for:\n%s", r.uid, diff)
	}
	t.Logf("uid %d: %d messages, %d expunged, %d moved by mail", r.uid, len(sent), len(expunged), len(moved))
}

// useMailbox reads all messages that are still there, marks one and expunges one, and returns the subject of the one that is gone.
func useMailbox(t *testing.T, m *Mailbox, known map[uint32]string) (expunged []string) {
	msgs := m.Snapshot().Messages
	for _, msg := range msgs {
		// mail, which may be saving, may move a message to ~/mbox after the snapshot was taken.
		if c, err := m.Open(msg.UID); err == nil {
			text, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
			c.Close()
			switch {
			case err == nil:
				remember(t, msg.UID, string(text), known)
			case !errors.Is(err, mail.ErrGone):
				t.Error(err)
			}
		}
	}
	if len(msgs) < 2 {
		return nil
	}
	last := msgs[len(msgs)-1].UID
	if _, err := m.Store(context.Background(), []uint32{last}, mail.FlagChange{Op: mail.AddFlags, Flags: mail.Flagged}); err != nil {
		t.Error(err)
	}
	gone, err := m.Expunge(context.Background(), []uint32{msgs[len(msgs)/2].UID})
	if err != nil {
		t.Error(err)
	}
	for _, uid := range gone {
		subject, _, _ := strings.Cut(strings.TrimPrefix(known[uid], "Subject: "), "\r\n")
		expunged = append(expunged, subject)
	}
	return expunged
}

// subjectOf reads a message, which must be there, and compares it with what its UID meant before.
func subjectOf(t *testing.T, m *Mailbox, uid uint32, known map[uint32]string) string {
	t.Helper()
	return remember(t, uid, wire(t, m, uid), known)
}

// remember compares a message with what its UID meant before, and returns its subject.
func remember(t *testing.T, uid uint32, text string, known map[uint32]string) string {
	t.Helper()
	if was, ok := known[uid]; ok && was != text {
		t.Errorf("UID %d was %q, is %q", uid, was, text)
	}
	known[uid] = text
	subject, _, _ := strings.Cut(strings.TrimPrefix(text, "Subject: "), "\r\n")
	return subject
}
