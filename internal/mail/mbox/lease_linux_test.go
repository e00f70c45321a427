package mbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/mail"
)

// leased takes a write lease on a file, as a rewrite does, until give is called.
func leased(t *testing.T, path string) (give func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		f.Close()
		t.Skip("no leases here:", err)
	}
	return func() { f.Close() }
}

// TestOpenMeetsALease: what opens a mailbox while it is rewritten waits, and never fails for it.
func TestOpenMeetsALease(t *testing.T) {
	for name, work := range map[string]func(s *Spool) error{
		"counting what is used": func(s *Spool) error { _, err := s.Used(context.Background(), "u"); return err },
		"counting":              func(s *Spool) error { _, err := s.Counts(context.Background(), "u"); return err },
		"opening":               func(s *Spool) error { _, err := s.Mailbox(context.Background(), "u", ""); return err },
		"delivering": func(s *Spool) error {
			return s.Deliver(context.Background(), []mail.Delivery{{User: "u", Body: []byte("Subject: x\n\n")}})[0]
		},
		"creating":          func(s *Spool) error { return s.Create(context.Background(), "u", "other", false) },
		"creating below it": func(s *Spool) error { return s.Create(context.Background(), "u", "leased/a", false) },
	} {
		t.Run(name, func(t *testing.T) {
			var give []func()
			waits := 0
			s, dir := newSpool(t, func(c *Config) {
				c.pause = func(context.Context, time.Duration) error {
					if waits++; waits == 3 {
						for _, g := range give {
							g()
						}
					}
					return nil
				}
			})
			deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: one\n\n")}, mail.Delivery{User: "u", Box: "leased", Body: []byte("Subject: one\n\n")})
			if err := s.Tidy(context.Background()); err != nil {
				t.Fatal(err)
			}
			give = append(give, leased(t, filepath.Join(dir, "spool", "u")), leased(t, filepath.Join(dir, "home", "u", "mail", "leased")))
			if err := work(s); err != nil {
				t.Error(err)
			}
			if waits == 0 {
				give[0]()
				give[1]()
			}
		})
	}
}

// TestReadToItsEnd: a message that is open can be read to its end, although it is expunged and every session has gone.
func TestReadToItsEnd(t *testing.T) {
	s, _ := newSpool(t)
	body := bytes.Repeat([]byte("0123456789 a line of it\n"), 20_000)
	deliver(t, s, mail.Delivery{User: "u", Body: append([]byte("Subject: long\n\n"), body...)}, mail.Delivery{User: "u", Body: []byte("Subject: two\n\n")})
	m, other := open(t, s, "u", ""), open(t, s, "u", "")
	raw, err := m.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	begun := make([]byte, 100)
	if _, err := raw.ReadAt(begun, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Expunge(context.Background(), []uint32{1}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Close(), s.Tidy(context.Background())); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, io.NewSectionReader(raw, 0, raw.Size()))
	if err != nil || n != raw.Size() {
		t.Errorf("%d of %d, %v", n, raw.Size(), err)
	}
	if err := errors.Join(raw.Close(), s.Tidy(context.Background())); err != nil {
		t.Fatal(err)
	}
	if cost, _ := (rewriter{m.b}).untidy(); cost != 0 {
		t.Errorf("%d octets are still to be rewritten", cost)
	}
}

// TestWaitersHoldNoSlot: as many locked mailboxes as may be written at the same time keep nobody else's from being written.
func TestWaitersHoldNoSlot(t *testing.T) {
	var blocked []*os.File
	ready := make(chan struct{}, 2*writers)
	release := make(chan struct{})
	s, dir := newSpool(t, func(c *Config) {
		c.pause = func(context.Context, time.Duration) error {
			ready <- struct{}{}
			<-release
			return nil
		}
	})
	done := make(chan error, writers)
	for i := range writers {
		user := "locked" + string(rune('a'+i))
		deliver(t, s, mail.Delivery{User: user, Body: []byte("Subject: one\n\n")})
		f, err := os.OpenFile(filepath.Join(dir, "spool", user), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		blocked = append(blocked, f)
		if err := setLock(f, writeLock); err != nil {
			t.Fatal(err)
		}
		go func() {
			done <- s.Deliver(context.Background(), []mail.Delivery{{User: user, Body: []byte("Subject: two\n\n")}})[0]
		}()
	}
	for range writers {
		<-ready
	}
	deliver(t, s, mail.Delivery{User: "neighbour", Body: []byte("Subject: free\n\n")}) // hangs when they hold all slots
	for _, f := range blocked {
		f.Close()
	}
	close(release)
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
