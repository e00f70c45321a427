package mbox

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// newSpool is a spool over a new directory, at a fixed time in UTC.
func newSpool(t testing.TB, change ...func(*Config)) (*Spool, string) {
	t.Helper()
	dir := t.TempDir()
	cfg := Config{Files: PlainFiles(dir), StateDir: filepath.Join(dir, "state"), Zone: time.UTC}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, dir
}

func deliver(t testing.TB, s *Spool, ds ...mail.Delivery) {
	t.Helper()
	for i, err := range s.Deliver(context.Background(), ds) {
		if err != nil {
			t.Fatalf("delivery %d: %v", i, err)
		}
	}
}

func open(t testing.TB, s *Spool, user, box string) *Mailbox {
	t.Helper()
	m, err := s.Mailbox(context.Background(), user, box)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func refresh(t testing.TB, m *Mailbox) {
	t.Helper()
	if err := m.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func wire(t testing.TB, m *Mailbox, uid uint32) string {
	t.Helper()
	c, err := m.Open(uid)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(text)) != c.Size() {
		t.Errorf("message %d: %d octets, Size says %d", uid, len(text), c.Size())
	}
	return string(text)
}

// TestPostfixSpool delivers what Postfix delivered and compares the files.
func TestPostfixSpool(t *testing.T) {
	for _, name := range []string{"util1", "util11", "util12"} {
		want, err := os.ReadFile(filepath.Join("testdata", "spool-"+name+".mbox"))
		if err != nil {
			t.Fatal(err)
		}
		s, dir := newSpool(t)
		scan := newScanner(bytes.NewReader(want), 0, int64(len(want)), time.UTC)
		for {
			r, err := scan.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			sender := bytes.Fields(want[r.start:r.head])[1]
			raw := bytes.ReplaceAll(want[r.head:r.end-1], []byte("\n>From "), []byte("\nFrom "))
			deliver(t, s, mail.Delivery{User: name, Sender: string(sender), At: r.date, Body: raw})
		}
		got, err := os.ReadFile(filepath.Join(dir, "spool", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestDovecotSizes compares sizes with what Dovecot said of the same file.
func TestDovecotSizes(t *testing.T) {
	s, dir := newSpool(t)
	copySpool(t, "testdata/spool-util1.mbox", dir, "util1")
	m := open(t, s, "util1", Inbox)
	var sizes []int64
	for _, msg := range m.Snapshot().Messages {
		sizes = append(sizes, msg.Size)
		text := wire(t, m, msg.UID)
		head, _, _ := bytes.Cut([]byte(text), []byte("\r\n\r\n"))
		if int64(len(head)+4) != msg.HeaderSize {
			t.Errorf("message %d: header of %d, want %d", msg.UID, msg.HeaderSize, len(head)+4)
		}
	}
	if diff := cmp.Diff([]int64{452, 830}, sizes); diff != "" {
		t.Error(diff)
	}
}

func copySpool(t testing.TB, from, dir, user string) string {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "spool", user)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestQuotedBothWays(t *testing.T) {
	s, _ := newSpool(t)
	body := "From here\n>From there\n>>From deeper\nFrom x@y  Sat Nov 21 20:25:30 2026\n"
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: q\n\n" + body)})
	m := open(t, s, "u", "")
	want := "Subject: q\r\n\r\n" + string(bytes.ReplaceAll([]byte(body), []byte("\n"), []byte("\r\n")))
	if diff := cmp.Diff(want, wire(t, m, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestDeliveryIsSeenByOpenMailbox(t *testing.T) {
	s, _ := newSpool(t)
	m := open(t, s, "u", "")
	changed := m.Changed()
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: one\n\nbody\n")})
	<-changed
	refresh(t, m)
	snap := m.Snapshot()
	if len(snap.Messages) != 1 || snap.Messages[0].UID != 1 || snap.UIDNext != 2 {
		t.Errorf("snapshot %+v", snap)
	}
	uids, err := m.Append(context.Background(), []mail.Delivery{
		{Body: []byte("Subject: two\r\n\r\nbody\r\n"), Flags: mail.Seen | mail.Deleted, Keywords: []string{"k"}},
		{Body: []byte("Subject: three")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint32{2, 3}, uids); diff != "" {
		t.Error(diff)
	}
	snap = m.Snapshot()
	if f := snap.Messages[1].Flags; f != mail.Seen|mail.Deleted {
		t.Errorf("flags of an appended message: %v", f)
	}
	if text := wire(t, m, 3); text != "Subject: three\r\n\r\n" {
		t.Errorf("header only: %q", text)
	}
}

func TestReopen(t *testing.T) {
	s, dir := newSpool(t)
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: one\n\nbody\n")}, mail.Delivery{User: "u", Body: []byte("Subject: two\n\nbody\n")})
	m := open(t, s, "u", "")
	if _, err := m.Store(context.Background(), []uint32{2}, mail.FlagChange{Op: mail.AddFlags, Flags: mail.Flagged, Keywords: []string{"b", "a"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Append(context.Background(), []mail.Delivery{{Body: []byte("Subject: three\n\n"), Flags: mail.Deleted}}); err != nil {
		t.Fatal(err)
	}
	want := m.Snapshot()
	if n := len(want.Messages); n != 3 || want.Messages[2].Flags != mail.Deleted {
		t.Errorf("%+v", want.Messages)
	}
	s2, err := New(Config{Files: PlainFiles(dir), StateDir: filepath.Join(dir, "state"), Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if diff := cmp.Diff(want, open(t, s2, "u", "").Snapshot()); diff != "" {
		t.Error(diff)
	}
}
