package mbox

import (
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"maillab/internal/mail"
)

const leases = true

func mkfifo(t *testing.T, path string) error {
	t.Helper()
	return unix.Mkfifo(path, 0o600)
}

// TestStudentsLease holds a read lease on a mailbox, which makes an opener wait for most of a minute: mail is refused for
// now instead, others get theirs, and it goes through when the lease is gone.
func TestStudentsLease(t *testing.T) {
	tries := 0
	s, dir := newSpool(t, impatient(&tries))
	path := three(t, s, dir)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		t.Skipf("no leases on this file system: %v", err)
	}
	errs := s.Deliver(context.Background(), []mail.Delivery{
		{User: "u", Body: []byte("Subject: later\n\n")},
		{User: "other", Body: []byte("Subject: now\n\n")},
	})
	if !errors.Is(errs[0], mail.ErrLocked) || errs[1] != nil || tries < 5 {
		t.Errorf("errors %v after %d tries", errs, tries)
	}
	f.Close()
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: later\n\n")})
}
