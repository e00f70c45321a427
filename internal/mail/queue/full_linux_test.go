package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"maillab/internal/mail"
)

// smallDisk is a file system of four MiB, of which a file takes one that can be given back.
func smallDisk(t *testing.T) (dir string, giveBack func()) {
	t.Helper()
	root := t.TempDir()
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("cannot mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(root, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "queue"), func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullFileSystem fills the queue's disk to its last block: what does not fit is refused with 452 and leaves nothing, what
// was taken stays whole while nothing can be written about it, over a restart too, and all of it is delivered, once, as
// soon as there is room again.
func TestFullFileSystem(t *testing.T) {
	dir, giveBack := smallDisk(t)
	b := newBench(t, forwarding(map[string]string{"util8": "util9"}))
	b.cfg.Dir = dir
	b.open(t)
	taken := 0
	for _, size := range []int{300_000, 20_000, 10} {
		for b.fits(t, taken, size) {
			taken++
		}
	}
	if taken < 10 {
		t.Fatalf("only %d messages were taken", taken)
	}
	wantFiles(t, dir, taken)
	stop := b.run(t)
	b.log.wait(t, "to=<util8@local.isri.fr>", "dsn=4.3.0, status=deferred (cannot forward: No space left on device)")
	stop()
	wantFiles(t, dir, taken)
	b.open(t)
	if n := len(b.List()); n != taken {
		t.Fatalf("%d of %d messages are left after a restart", n, taken)
	}
	giveBack()
	b.run(t)
	b.Flush()
	b.log.waitFor(t, "all are delivered", func(text string) bool {
		return strings.Count(text, "to=<util9@local.isri.fr>, orig_to=<util8>, relay=local, dsn=2.0.0, status=sent") == taken
	})
	box := b.spool.read("util9")
	for n := range taken {
		if end := fmt.Sprintf("\nend of %d\n\n", n); strings.Count(box, end) != 1 {
			t.Errorf("message %d is there %d times", n, strings.Count(box, end))
		}
	}
}

// fits hands in one more message and tells whether it was taken. Only 452 may refuse it.
func (b *bench) fits(t *testing.T, n, size int) bool {
	t.Helper()
	env := &mail.Envelope{ID: b.NewID(), ClientName: "unknown", ClientAddr: "172.17.0.1", Protocol: "SMTP", Sender: mail.Address{Full: "util1"},
		Arrived: b.clock.Now(), Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util8"}}}}
	err := b.Accept(t.Context(), env, strings.NewReader(fmt.Sprintf("Subject: %d\n\n%s\nend of %d\n", n, strings.Repeat("x", size), n)))
	var refused *mail.Reply
	if err != nil && (!errors.As(err, &refused) || refused.Code != 452 || refused.Enhanced != "4.3.1") {
		t.Fatalf("message %d: %v", n, err)
	}
	return err == nil
}

// wantFiles demands that so many queue files are there, each whole, and nothing beside them.
func wantFiles(t *testing.T, dir string, want int) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) > 0 { // before openStore tidies up
		t.Errorf("tmp holds %v, %v", left, err)
	}
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	entries, problems, err := s.list()
	if err != nil || len(problems) > 0 || len(entries) != want {
		t.Errorf("%d queue files, want %d; problems %q, %v", len(entries), want, problems, err)
	}
	if left, err := os.ReadDir(s.corrupt); err != nil || len(left) > 0 {
		t.Errorf("corrupt holds %v, %v", left, err)
	}
}
