package mbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/mail"
)

// limitDir tells a child of TestFileSizeLimit where its spool is.
const limitDir = "MBOX_LIMIT_DIR"

// TestFullDisk fills a small file system with mail: what does not fit is refused with ErrFull and leaves no trace, and
// what is small still fits.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small tmpfs: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	s, err := New(Config{Files: PlainFiles(dir), StateDir: filepath.Join(t.TempDir(), "state"), Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fillAndCheck(t, s, mail.ErrFull)
}

// fillAndCheck delivers until nothing fits any more and counts that exactly what was acknowledged is there.
func fillAndCheck(t *testing.T, s *Spool, want error) {
	t.Helper()
	ctx := context.Background()
	acked := 0
	for _, size := range []int{40000, 5000, 100} {
		for range 100 {
			ds := []mail.Delivery{
				{User: "u", Body: sized("big", size)},
				{User: "u", Body: sized("small", size/2)},
			}
			failed := 0
			for _, err := range s.Deliver(ctx, ds) {
				switch {
				case err == nil:
					acked++
				case errors.Is(err, want):
					failed++
				default:
					t.Fatalf("after %d messages: %v", acked, err)
				}
			}
			if failed == 2 {
				break
			}
		}
	}
	m, err := s.Mailbox(ctx, "u", Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	msgs := m.Snapshot().Messages
	if len(msgs) != acked || acked < 10 {
		t.Errorf("%d messages acknowledged, %d in the mailbox", acked, len(msgs))
	}
	for _, msg := range msgs {
		if text := wire(t, m, msg.UID); !strings.HasSuffix(text, "\r\nend\r\n") {
			t.Errorf("torn message %d", msg.UID)
		}
	}
	// Removing mail needs no space in the mailbox, and makes some.
	if _, err := m.Expunge(ctx, []uint32{msgs[0].UID}); err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(ctx, []mail.Delivery{{User: "u", Body: sized("again", 20000)}})[0]; err != nil {
		t.Errorf("after removing the first message: %v", err)
	}
}

func sized(subject string, n int) []byte {
	return []byte(fmt.Sprintf("Subject: %s\n\n%s\nend\n", subject, strings.Repeat("x", n)))
}

// TestFileSizeLimit does the same against RLIMIT_FSIZE, in a process of its own. The signal has to be ignored there, or
// the runtime ends the process: the daemon does so too.
func TestFileSizeLimit(t *testing.T) {
	dir := os.Getenv(limitDir)
	if dir == "" {
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^TestFileSizeLimit$")
		cmd.Env = append(os.Environ(), limitDir+"="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFileSizeLimit")) {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	s, err := New(Config{Files: PlainFiles(dir), StateDir: filepath.Join(dir, "state"), Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	limit := unix.Rlimit{Cur: 200 << 10, Max: 200 << 10}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	fillAndCheck(t, s, mail.ErrTooBig)
}

// TestRoom does the same against who says that there is no room.
func TestRoom(t *testing.T) {
	var inbox string
	s, dir := newSpool(t, func(c *Config) {
		c.Room = func(_ context.Context, _ string, octets int64) error {
			if info, err := os.Stat(inbox); err == nil && info.Size()+octets > 200<<10 {
				return mail.ErrFull
			}
			return nil
		}
	})
	inbox = filepath.Join(dir, "spool", "u")
	fillAndCheck(t, s, mail.ErrFull)
	if info, err := os.Stat(inbox); err != nil || info.Size() > 201<<10 {
		t.Errorf("%v, %v", info, err)
	}
}
