package mbox

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"maillab/internal/mail"
)

// TestHold: while a mailbox is held nobody else can lock it to change it; afterwards he can. Our own deliveries and
// readers are not in its way.
func TestHold(t *testing.T) {
	s, dir := newSpool(t)
	three(t, s, dir)
	m := open(t, s, "u", "")
	other, err := os.OpenFile(filepath.Join(dir, "spool", "u"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	release := m.Hold()
	if err := setLock(other, writeLock); !errors.Is(err, mail.ErrLocked) && !isBusy(err) {
		t.Errorf("locked while it is held: %v", err)
	}
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: four\n\nx\n")})
	refresh(t, m)
	if n := len(m.Snapshot().Messages); n != 4 {
		t.Errorf("%d messages, want 4", n)
	}
	wire(t, m, 4)
	if err := setLock(other, writeLock); err == nil {
		t.Error("a delivery and a reader have let go of it")
	}
	release()
	if err := setLock(other, writeLock); err != nil {
		t.Errorf("not let go: %v", err)
	}
}
