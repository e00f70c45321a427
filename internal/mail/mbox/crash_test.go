package mbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"maillab/internal/mail"
)

var errDead = errors.New("disk is dead")

// faultyDisk does n operations, then one by half, and from then on none: what a killed process leaves behind.
type faultyDisk struct {
	mu   sync.Mutex
	left int
}

// step tells whether an operation is done whole, and whether by half.
func (d *faultyDisk) step() (whole, half bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left--
	return d.left >= 0, d.left == -1
}

func (d *faultyDisk) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left < 0
}

func (d *faultyDisk) WriteAt(f *os.File, b []byte, off int64) error {
	whole, half := d.step()
	switch {
	case whole:
		return realDisk{}.WriteAt(f, b, off)
	case half:
		_ = realDisk{}.WriteAt(f, b[:len(b)/2], off)
	}
	return errDead
}

func (d *faultyDisk) Truncate(f *os.File, size int64) error {
	if whole, _ := d.step(); !whole {
		return errDead
	}
	return realDisk{}.Truncate(f, size)
}

func (d *faultyDisk) Sync(f *os.File) error {
	if whole, _ := d.step(); !whole {
		return errDead
	}
	return realDisk{}.Sync(f)
}

// TestKilledAtEachStep runs a session on a disk that dies at its n-th operation, for every n, and looks with a new
// process at what is left: whatever was acknowledged is there once, whole, and with its UID.
func TestKilledAtEachStep(t *testing.T) {
	for n := 0; ; n++ {
		d := &faultyDisk{left: n}
		killedAt(t, d, n)
		if t.Failed() || !d.dead() {
			t.Logf("%d disk operations", n)
			if n < 20 {
				t.Errorf("the session took %d disk operations only", n)
			}
			return
		}
	}
}

func killedAt(t *testing.T, d *faultyDisk, n int) {
	dir := t.TempDir()
	files, state := PlainFiles(dir), filepath.Join(dir, "state")
	s, err := New(Config{Files: files, StateDir: state, Zone: time.UTC, disk: d})
	if err != nil {
		t.Fatal(err)
	}
	must := map[string]bool{} // subjects that must be there
	may := map[string]bool{}  // subjects that may
	put := func(i int) {
		subject := fmt.Sprintf("number %d", i)
		raw := "Return-Path: <a@x>\nSubject: " + subject + "\n\n" + strings.Repeat("a line of the body\n\n", 50*i) + "end\n"
		err := s.Deliver(context.Background(), []mail.Delivery{{User: "u", Body: []byte(raw)}})[0]
		must[subject], may[subject] = err == nil, true
	}
	for i := 1; i <= 4; i++ {
		put(i)
	}
	seen := map[string]uint32{}
	if m, err := s.Mailbox(context.Background(), "u", Inbox); err == nil && len(m.Snapshot().Messages) == 4 {
		for i, msg := range m.Snapshot().Messages {
			seen[fmt.Sprintf("number %d", i+1)] = msg.UID
		}
		_, _ = m.Store(context.Background(), []uint32{1, 3}, mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen | mail.Flagged})
		if gone, _ := m.Expunge(context.Background(), []uint32{2}); len(gone) > 0 {
			delete(must, "number 2")
		}
		put(5)
		_ = s.Tidy(context.Background())
		put(6)
	}
	// The process is gone; its descriptors, and with them its locks, are closed by the next collection at the latest.
	s.abandon()
	after, err := New(Config{Files: files, StateDir: state, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	m, err := after.Mailbox(context.Background(), "u", Inbox)
	if err != nil {
		t.Fatalf("step %d: %v", n, err)
	}
	defer m.Close()
	found := map[string]int{}
	for _, msg := range m.Snapshot().Messages {
		text := wire(t, m, msg.UID)
		_, subject, _ := strings.Cut(text, "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		found[subject]++
		if !may[subject] || !strings.HasSuffix(text, "end\r\n") {
			t.Errorf("step %d: torn message %q…%q", n, subject, text[max(0, len(text)-20):])
		}
		if uid := seen[subject]; uid != 0 && uid != msg.UID {
			t.Errorf("step %d: %s had UID %d, has %d", n, subject, uid, msg.UID)
		}
	}
	for subject, want := range must {
		if found[subject] > 1 || want && found[subject] == 0 {
			t.Errorf("step %d: %s is there %d times", n, subject, found[subject])
		}
	}
}

// abandon closes what a killed process would not hold any more, and nothing else.
func (s *Spool) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boxes {
		if b.f != nil {
			b.f.Close()
		}
	}
}

// errorDisk fails the n-th operation only.
type errorDisk struct {
	faultyDisk
	err error
}

func (d *errorDisk) fails() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left--
	return d.left == -1
}

func (d *errorDisk) WriteAt(f *os.File, b []byte, off int64) error {
	if d.fails() {
		_ = realDisk{}.WriteAt(f, b[:len(b)/2], off)
		return d.err
	}
	return realDisk{}.WriteAt(f, b, off)
}

func (d *errorDisk) Truncate(f *os.File, size int64) error {
	if d.fails() {
		return d.err
	}
	return realDisk{}.Truncate(f, size)
}

func (d *errorDisk) Sync(f *os.File) error {
	if d.fails() {
		return d.err
	}
	return realDisk{}.Sync(f)
}

// TestOneErrorLosesNothing lets each disk operation of a session fail once, with a full disk and with a broken one.
func TestOneErrorLosesNothing(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
		for n := 0; ; n++ {
			d := &errorDisk{faultyDisk{left: n}, fault}
			oneError(t, d, n)
			if t.Failed() || !d.dead() {
				break
			}
		}
	}
}

func oneError(t *testing.T, d *errorDisk, n int) {
	s, _ := newSpool(t, func(c *Config) { c.disk = d })
	var want []string
	put := func(i int) {
		raw := fmt.Sprintf("Return-Path: <a@x>\nSubject: number %d\n\nbody\n\nof %d\n", i, i)
		err := s.Deliver(context.Background(), []mail.Delivery{{User: "u", Body: []byte(raw)}})[0]
		switch {
		case err == nil:
			want = append(want, strings.ReplaceAll(raw, "\n", "\r\n"))
		case !errors.Is(err, d.err), errors.Is(d.err, syscall.ENOSPC) && !errors.Is(err, mail.ErrFull):
			t.Errorf("step %d: %v", n, err)
		}
	}
	for i := 1; i <= 3; i++ {
		put(i)
	}
	m, err := s.Mailbox(context.Background(), "u", Inbox)
	if err != nil { // looking failed once: a session is told, the next one gets in
		m, err = s.Mailbox(context.Background(), "u", Inbox)
	}
	if err != nil {
		t.Fatalf("step %d: %v", n, err)
	}
	_, _ = m.Store(context.Background(), uids(m), mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen})
	put(4)
	_ = s.Tidy(context.Background())
	put(5)
	if err := m.Refresh(context.Background()); err != nil {
		refresh(t, m)
	}
	var got []string
	for _, uid := range uids(m) {
		got = append(got, wire(t, m, uid))
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("step %d:\n got %q\nwant %q", n, got, want)
	}
	_ = m.Close()
}
