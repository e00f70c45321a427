package mbox

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/internal/mail"
)

// The child of TestKill is this test binary again; killDir tells it where the spool is, killRound makes its subjects
// unlike those of the children before it.
const (
	killDir   = "MBOX_KILL_DIR"
	killRound = "MBOX_KILL_ROUND"
	// torture is the number of kills; without it there are a few.
	torture = "MAILLAB_TORTURE_KILLS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		loadUntilKilled(dir, os.Getenv(killRound))
	}
	if dir := os.Getenv(parkDir); dir != "" {
		rewriteHalf(dir)
	}
	os.Exit(m.Run())
}

var killUsers = []string{"u1", "u2", "u3"}

// loadUntilKilled delivers from several senders, and has a session on each mailbox that marks and expunges. It tells on
// stdout what was acknowledged: "ack USER SUBJECT", and "gone USER SUBJECT" before it expunges.
func loadUntilKilled(dir, round string) {
	s, err := New(Config{Files: PlainFiles(dir), StateDir: filepath.Join(dir, "state"), Zone: time.UTC})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for j := 0; ; j++ {
				user := killUsers[(i+j)%len(killUsers)]
				subject := fmt.Sprintf("%s.%d.%d", round, i, j)
				if err := s.Deliver(context.Background(), []mail.Delivery{{User: user, Body: killMessage(subject, i*j)}})[0]; err != nil {
					fmt.Println("error", err)
					continue
				}
				fmt.Println("ack", user, subject)
			}
		})
	}
	for _, user := range killUsers {
		wg.Go(func() {
			for {
				if err := markAndExpunge(s, user); err != nil {
					fmt.Println("error", err)
				}
			}
		})
	}
	wg.Wait()
}

// killMessage is told whole from torn by its last line.
func killMessage(subject string, n int) []byte {
	body := strings.Repeat("From a line of the body\n\n", 1+n%40)
	if n%37 == 36 {
		body = strings.Repeat(body, 700) // often more than one write
	}
	return []byte("Return-Path: <a@x>\nSubject: " + subject + "\n\n" + body + "end of " + subject + "\n")
}

func markAndExpunge(s *Spool, user string) error {
	ctx := context.Background()
	m, err := s.Mailbox(ctx, user, Inbox)
	if err != nil {
		return err
	}
	defer m.Close()
	msgs := m.Snapshot().Messages
	if len(msgs) < 10 {
		return nil
	}
	var all []uint32
	for _, msg := range msgs {
		all = append(all, msg.UID)
	}
	if _, err := m.Store(ctx, all[len(all)/2:], mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen}); err != nil {
		return err
	}
	for _, uid := range all[:len(all)/4] {
		c, err := m.Open(uid)
		if err != nil {
			return err
		}
		head := make([]byte, c.(*Content).Header())
		if _, err := c.ReadAt(head, 0); err != nil {
			return err
		}
		c.Close()
		fmt.Println("gone", user, subjectIn(string(head)))
	}
	_, err = m.Expunge(ctx, all[:len(all)/4])
	return err
}

func subjectIn(text string) string {
	_, rest, _ := strings.Cut(text, "Subject: ")
	subject, _, _ := strings.Cut(rest, "\r\n")
	return subject
}

// ledger is what the children said, by user and subject.
type ledger struct {
	acked, gone map[string]bool
	uids        map[string]uint32
}

// TestKill kills a process under load, again and again, and looks each time what is left.
func TestKill(t *testing.T) {
	kills := 8
	if n, err := strconv.Atoi(os.Getenv(torture)); err == nil {
		kills = n
	}
	dir := t.TempDir()
	l := &ledger{map[string]bool{}, map[string]bool{}, map[string]uint32{}}
	lost, torn, twice, left := 0, 0, 0, 0
	for round := range kills {
		killOne(t, dir, round, l)
		lo, to, tw, n := l.check(t, dir)
		lost, torn, twice, left = lost+lo, torn+to, twice+tw, n
	}
	t.Logf("kills %d, acknowledged %d, expunged %d, left %d, lost %d, torn %d, twice %d",
		kills, len(l.acked), len(l.gone), left, lost, torn, twice)
	if lost+torn+twice > 0 {
		t.Fail()
	}
}

// killOne starts a child and kills it when it has acknowledged a random number of messages.
func killOne(t *testing.T, dir string, round int, l *ledger) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir, killRound+"="+strconv.Itoa(round))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 20 + rand.IntN(300)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		kind, what, _ := strings.Cut(lines.Text(), " ")
		switch kind {
		case "ack":
			l.acked[what] = true
		case "gone":
			l.gone[what] = true
		default:
			t.Errorf("child says %q", lines.Text())
		}
		if n--; n == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
}

// check opens the mailboxes with a new process's eyes.
func (l *ledger) check(t *testing.T, dir string) (lost, torn, twice, left int) {
	t.Helper()
	s, err := New(Config{Files: PlainFiles(dir), StateDir: filepath.Join(dir, "state"), Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	found := map[string]bool{}
	for _, user := range killUsers {
		m, err := s.Mailbox(context.Background(), user, Inbox)
		if err != nil {
			t.Fatal(err)
		}
		for _, msg := range m.Snapshot().Messages {
			text := wire(t, m, msg.UID)
			what := user + " " + subjectIn(text)
			if !strings.HasSuffix(text, "\r\nend of "+subjectIn(text)+"\r\n") {
				torn++
				t.Errorf("torn: %s, ends with %q", what, text[max(0, len(text)-60):])
			}
			if found[what] {
				twice++
				t.Errorf("twice: %s", what)
			}
			if uid := l.uids[what]; uid != 0 && uid != msg.UID {
				t.Errorf("%s had UID %d, has %d", what, uid, msg.UID)
			}
			found[what], l.uids[what] = true, msg.UID
			left++
		}
		m.Close()
	}
	for what := range l.acked {
		if !found[what] && !l.gone[what] {
			lost++
			t.Errorf("lost: %s", what)
		}
	}
	return lost, torn, twice, left
}
