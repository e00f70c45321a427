package mbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// impatient makes a spool give up at once, and counts its tries.
func impatient(tries *int) func(*Config) {
	return func(c *Config) {
		c.LockWait = 100 * time.Millisecond
		c.pause = func(context.Context, time.Duration) error { *tries++; return nil }
	}
}

// TestTraps are what a student may put where the mailbox should be: mail is refused, another mailbox gets its own, and
// nothing is written through the trap.
func TestTraps(t *testing.T) {
	traps := map[string]func(t *testing.T, path, victim string) error{
		"symbolic link": func(_ *testing.T, path, victim string) error { return os.Symlink(victim, path) },
		"hard link":     func(_ *testing.T, path, victim string) error { return os.Link(victim, path) },
		"directory":     func(_ *testing.T, path, _ string) error { return os.Mkdir(path, 0o700) },
		"FIFO":          func(t *testing.T, path, _ string) error { return mkfifo(t, path) },
	}
	for name, set := range traps {
		t.Run(name, func(t *testing.T) {
			tries := 0
			s, dir := newSpool(t, impatient(&tries))
			deliver(t, s, mail.Delivery{User: "victim", Body: []byte("Subject: mine\n\n")})
			victim := filepath.Join(dir, "spool", "victim")
			before := read(t, victim)
			if err := set(t, filepath.Join(dir, "spool", "u"), victim); err != nil {
				t.Fatal(err)
			}
			errs := s.Deliver(context.Background(), []mail.Delivery{
				{User: "u", Body: []byte("Subject: trapped\n\n")},
				{User: "other", Body: []byte("Subject: free\n\n")},
			})
			if !errors.Is(errs[0], mail.ErrBadName) || errs[1] != nil {
				t.Errorf("errors %v", errs)
			}
			if _, err := s.Mailbox(context.Background(), "u", Inbox); !errors.Is(err, mail.ErrBadName) {
				t.Errorf("opening: %v", err)
			}
			if diff := cmp.Diff(before, read(t, victim)); diff != "" {
				t.Errorf("the victim was changed:\n%s", diff)
			}
		})
	}
}

// TestLockedByOthers holds each of the two locks as another program would: mail is refused for now, nobody else waits,
// and it goes through when the lock is gone.
func TestLockedByOthers(t *testing.T) {
	locks := map[string]func(t *testing.T, path string) (unlock func()){
		"dotlock": func(t *testing.T, path string) func() {
			if err := os.WriteFile(path+".lock", []byte("1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return func() { os.Remove(path + ".lock") }
		},
		"kernel lock": func(t *testing.T, path string) func() {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := setLock(f, writeLock); err != nil {
				t.Fatal(err)
			}
			return func() { f.Close() }
		},
	}
	for name, lock := range locks {
		if name == "kernel lock" && !leases {
			continue
		}
		tries := 0
		s, dir := newSpool(t, impatient(&tries))
		path := three(t, s, dir)
		unlock := lock(t, path)
		errs := s.Deliver(context.Background(), []mail.Delivery{
			{User: "u", Body: []byte("Subject: later\n\n")},
			{User: "other", Body: []byte("Subject: now\n\n")},
		})
		if !errors.Is(errs[0], mail.ErrLocked) || errs[1] != nil || tries < 5 {
			t.Errorf("%s: errors %v after %d tries", name, errs, tries)
		}
		unlock()
		deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: later\n\n")})
		if n := len(uids(open(t, s, "u", ""))); n != 4 {
			t.Errorf("%s: %d messages", name, n)
		}
	}
}

func TestStaleDotlocks(t *testing.T) {
	dir := t.TempDir()
	files := PlainFiles(dir)
	ctx := context.Background()
	if _, err := files.Open(ctx, "u", Inbox, os.O_RDWR|os.O_CREATE); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "spool", "u.lock")
	for _, test := range []struct {
		name, holder string
		age          time.Duration
		broken       bool
	}{
		{"living holder", "1\n", time.Minute, false},
		{"living holder, too old", "1\n", time.Hour, true},
		{"dead holder", "999999999\n", 0, true},
		{"nobody, young", "", 0, false},
		{"nobody, old", "", time.Minute, true},
		{"no number", "mutt\n", time.Minute, false},
	} {
		if err := os.WriteFile(path, []byte(test.holder), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-test.age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
		unlock, err := files.Lock(ctx, "u", Inbox)
		if broken := err == nil; broken != test.broken || err != nil && !errors.Is(err, mail.ErrLocked) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err == nil {
			unlock()
		}
		os.Remove(path)
	}
}

func TestFolders(t *testing.T) {
	s, _ := newSpool(t)
	ctx := context.Background()
	for _, name := range []string{"Sent", "2026/march"} {
		if err := s.Create(ctx, "u", name, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Create(ctx, "u", "Sent", false); !errors.Is(err, mail.ErrExists) {
		t.Errorf("creating twice: %v", err)
	}
	for _, name := range []string{"../x", "/etc/passwd", "a/../b", "", "."} {
		if err := s.Create(ctx, "u", name, false); err == nil {
			t.Errorf("created %q", name)
		}
	}
	sent := open(t, s, "u", "Sent")
	if _, err := sent.Append(ctx, []mail.Delivery{{Body: []byte("Subject: one\n\n"), Flags: mail.Seen}}); err != nil {
		t.Fatal(err)
	}
	before := sent.Snapshot()
	if err := s.Rename(ctx, "u", "Sent", "Old/Sent"); err != nil {
		t.Fatal(err)
	}
	if err := sent.Refresh(ctx); !errors.Is(err, mail.ErrNoMailbox) {
		t.Errorf("refreshing a renamed folder: %v", err)
	}
	moved := open(t, s, "u", "Old/Sent")
	if diff := cmp.Diff(before, moved.Snapshot()); diff != "" {
		t.Errorf("renamed: %s", diff)
	}
	if err := s.Create(ctx, "u", "Sent", false); err != nil {
		t.Fatal(err)
	}
	if v := open(t, s, "u", "Sent").Snapshot().UIDValidity; v == before.UIDValidity {
		t.Error("a new folder of an old name has the old UIDVALIDITY")
	}
	if err := s.Rename(ctx, "u", "Sent", "Old/Sent"); !errors.Is(err, mail.ErrExists) {
		t.Errorf("renaming onto another folder: %v", err)
	}
	if err := s.Delete(ctx, "u", "2026/march"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, "u", "2026/march"); !errors.Is(err, mail.ErrNoMailbox) {
		t.Errorf("deleting twice: %v", err)
	}
	names, err := s.Folders(ctx, "u")
	if diff := cmp.Diff([]Folder{{"Old", false}, {"Old/Sent", true}, {"Sent", true}}, names); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// TestDeletedFolderGoesOn makes a folder again: no UID of the old one comes back.
func TestDeletedFolderGoesOn(t *testing.T) {
	s, _ := newSpool(t)
	ctx := context.Background()
	var last mail.Snapshot
	for range 2 {
		if err := s.Create(ctx, "u", "f", false); err != nil {
			t.Fatal(err)
		}
		m := open(t, s, "u", "f")
		if _, err := m.Append(ctx, []mail.Delivery{{Body: []byte("Subject: same\n\n"), At: time.Unix(1e9, 0)}}); err != nil {
			t.Fatal(err)
		}
		snap := m.Snapshot()
		if snap.UIDValidity == last.UIDValidity && snap.Messages[0].UID == last.Messages[0].UID {
			t.Errorf("UID %d came back", snap.Messages[0].UID)
		}
		last = snap
		if err := s.Delete(ctx, "u", "f"); err != nil {
			t.Fatal(err)
		}
		if n := len(m.Snapshot().Messages); n != 0 {
			t.Errorf("%d messages in a deleted folder", n)
		}
	}
}

// TestReplaced lets others remove, replace and move the spool file between two looks.
func TestReplaced(t *testing.T) {
	now := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	s, dir := newSpool(t, func(c *Config) { c.Now = func() time.Time { return now } })
	path := three(t, s, dir)
	m := open(t, s, "u", "")
	second := wire(t, m, 2)
	text := read(t, path)
	replace := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	_, recs := serve(t, text, 4096)
	replace(text[recs[1].start:]) // the first is gone
	if got := wire(t, m, 2); got != second {
		t.Errorf("second message is %q", got)
	}
	refresh(t, m)
	if diff := cmp.Diff([]uint32{2, 3}, uids(m)); diff != "" {
		t.Error(diff)
	}
	replace(text[recs[2].start:] + text[recs[1].start:recs[2].start]) // turned round: known by their digests
	refresh(t, m)
	if got := wire(t, m, 2); got != second {
		t.Errorf("second message is %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refresh(t, m)
	if got := uids(m); len(got) != 0 {
		t.Errorf("after removal: %v", got)
	}
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: new\n\n")})
	refresh(t, m)
	if diff := cmp.Diff([]uint32{4}, uids(m)); diff != "" {
		t.Error(diff)
	}
	if err := os.Rename(path, path+".moved"); err != nil { // not removed: only its name leads elsewhere
		t.Fatal(err)
	}
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: newer\n\n")})
	now = now.Add(time.Minute)
	refresh(t, m)
	if diff := cmp.Diff([]uint32{5}, uids(m)); diff != "" {
		t.Error(diff)
	}
}

func TestCounts(t *testing.T) {
	s, dir := newSpool(t)
	ctx := context.Background()
	want := func(messages, unread int) {
		t.Helper()
		for range 2 { // found out, and remembered
			got, err := s.Counts(ctx, "u")
			if diff := cmp.Diff(Counts{messages, unread}, got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
		}
	}
	want(0, 0)
	three(t, s, dir)
	want(3, 3)
	m := open(t, s, "u", "")
	if _, err := m.Store(ctx, []uint32{1}, mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen}); err != nil {
		t.Fatal(err)
	}
	want(3, 2)
	m.Close()
	want(3, 2)
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: x\n\n")})
	want(4, 3)
}

// TestFreeze replaces a mailbox and its index while everything is at rest, as a restore does.
func TestFreeze(t *testing.T) {
	s, dir := newSpool(t)
	path := three(t, s, dir)
	m := open(t, s, "u", "")
	before, state := m.Snapshot(), filepath.Join(dir, "state", "u", "INBOX.index")
	thaw, err := s.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	spool, index := read(t, path), read(t, state)
	delivered := make(chan error)
	go func() {
		delivered <- s.Deliver(context.Background(), []mail.Delivery{{User: "u", Body: []byte("Subject: x\n\n")}})[0]
	}()
	if got := read(t, path); got != spool {
		t.Error("mail arrived in a frozen spool")
	}
	thaw()
	if err := <-delivered; err != nil {
		t.Fatal(err)
	}
	refresh(t, m)
	if n := len(uids(m)); n != 4 {
		t.Errorf("%d messages after the thaw", n)
	}
	if thaw, err = s.Freeze(); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{path: spool, state: index} {
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	thaw()
	refresh(t, m)
	if diff := cmp.Diff(before, m.Snapshot()); diff != "" {
		t.Errorf("after a restore: %s", diff)
	}
}

// TestTornByLooks is a power failure: the note about the last append did not reach the disk, half the append did.
func TestTornByLooks(t *testing.T) {
	s, dir := newSpool(t)
	path := three(t, s, dir)
	s.Close()
	whole := read(t, path)
	torn := whole + "From a@x  Sat Nov 21 20:25:30 2026\nReturn-Path: <a@x>\nSubject: torn\n\nhalf a li"
	if err := os.WriteFile(path, []byte(torn), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, "state", "u", "INBOX.tail"))
	s2, _ := newSpool(t, func(c *Config) { c.Files, c.StateDir = PlainFiles(dir), filepath.Join(dir, "state") })
	if n := len(uids(open(t, s2, "u", ""))); n != 3 {
		t.Errorf("%d messages", n)
	}
	if diff := cmp.Diff(whole, read(t, path)); diff != "" {
		t.Error(diff)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "state", "u", "INBOX.torn-*"))
	if len(aside) != 1 || err != nil || read(t, aside[0]) != torn[len(whole):] {
		t.Errorf("kept aside: %v, %v", aside, err)
	}
	// Somebody's own words at the end are no torn mail of ours.
	text := whole + "From me Sat Nov 21 20:25:30 2026\n\nmy own words"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s3, _ := newSpool(t, func(c *Config) { c.Files, c.StateDir = PlainFiles(dir), filepath.Join(dir, "state") })
	if n := len(uids(open(t, s3, "u", ""))); n != 4 || read(t, path) != text {
		t.Errorf("%d messages in\n%s", n, read(t, path))
	}
}
