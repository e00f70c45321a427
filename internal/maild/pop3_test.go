package maild

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"maillab/internal/mail"
)

// TestAnnouncedIsReadToItsEnd: what POP3 has opened is there to its end, small or large, although another program empties the
// mailbox meanwhile; what is gone before is not opened.
func TestAnnouncedIsReadToItsEnd(t *testing.T) {
	b := start(t, 1)
	want := [][]byte{[]byte("Subject: small\r\n\r\nx\r\n"), append([]byte("Subject: large\r\n\r\n"), bytes.Repeat([]byte("a line of it\r\n"), 40_000)...)}
	for _, text := range want {
		if err := b.spool.Deliver(t.Context(), []mail.Delivery{{User: "util1", Body: text}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	box, err := b.spool.Mailbox(t.Context(), "util1", "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	release, ok := b.drops.take("util1")
	if !ok {
		t.Fatal("somebody has the maildrop of a new server")
	}
	if _, again := b.drops.take("util1"); again {
		t.Error("two have one maildrop")
	}
	drop := newMaildrop(b.Daemon, "util1", box, release)
	defer drop.Close()
	first := len(drop.Messages()) - len(want)
	var opened []io.ReadCloser
	for i := range want {
		r, err := drop.Open(t.Context(), first+i)
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, r)
	}
	if err := os.Truncate(filepath.Join(b.dir, "users", "spool", "util1"), 0); err != nil {
		t.Fatal(err)
	}
	for i, r := range opened {
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want[i]) {
			t.Errorf("message %d: %d of %d octets, %v", i+1, len(got), len(want[i]), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := drop.Open(t.Context(), first); err == nil {
		t.Error("a message that is gone was opened")
	}
	if n := b.taken.octets.Load(); n != 0 {
		t.Errorf("%d octets are still counted as held", n)
	}
}
