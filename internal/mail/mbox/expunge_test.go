package mbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// three delivers three small messages and returns the spool file's path.
func three(t *testing.T, s *Spool, dir string) string {
	t.Helper()
	for i := 1; i <= 3; i++ {
		raw := fmt.Sprintf("Return-Path: <a@x>\nSubject: number %d\n\nbody %d\n", i, i)
		deliver(t, s, mail.Delivery{User: "u", Sender: "a@x", Body: []byte(raw)})
	}
	return filepath.Join(dir, "spool", "u")
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func uids(m *Mailbox) (uids []uint32) {
	for _, msg := range m.Snapshot().Messages {
		uids = append(uids, msg.UID)
	}
	return uids
}

func TestExpungeRemovesFromFile(t *testing.T) {
	s, dir := newSpool(t)
	path := three(t, s, dir)
	m := open(t, s, "u", "")
	third := wire(t, m, 3)
	if _, err := m.Expunge(context.Background(), []uint32{2, 9}); err != nil {
		t.Fatal(err)
	}
	if text := read(t, path); strings.Contains(text, "number 2") || !strings.HasSuffix(text, "body 3\n\n") {
		t.Errorf("file after expunge:\n%s", text)
	}
	if diff := cmp.Diff([]uint32{1, 3}, uids(m)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(third, wire(t, m, 3)); diff != "" {
		t.Error(diff)
	}
	refresh(t, m)
	if diff := cmp.Diff([]uint32{1, 3}, uids(m)); diff != "" {
		t.Error(diff)
	}
}

// TestExpungeWaitsForReader keeps the file whole while somebody else has it open.
func TestExpungeWaitsForReader(t *testing.T) {
	if !leases {
		t.Skip("no leases on this system")
	}
	s, dir := newSpool(t)
	path := three(t, s, dir)
	before := read(t, path)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, s, "u", "")
	if _, err := m.Expunge(context.Background(), []uint32{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Store(context.Background(), []uint32{2}, mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen}); err != nil {
		t.Fatal(err)
	}
	if err := s.Tidy(context.Background()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, read(t, path)); diff != "" {
		t.Errorf("the file was changed in a reader's hands:\n%s", diff)
	}
	if diff := cmp.Diff([]uint32{2, 3}, uids(m)); diff != "" {
		t.Error(diff)
	}
	reader.Close()
	m.Close()
	if text := read(t, path); strings.Contains(text, "number 1") || !strings.Contains(text, "number 2\nStatus: RO\n\n") {
		t.Errorf("file after the reader is gone:\n%s", text)
	}
}

// TestExpungedStaysExpunged comes back with a new process while the message is still in the file.
func TestExpungedStaysExpunged(t *testing.T) {
	if !leases {
		t.Skip("no leases on this system")
	}
	s, dir := newSpool(t)
	path := three(t, s, dir)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	m := open(t, s, "u", "")
	if _, err := m.Expunge(context.Background(), []uint32{1}); err != nil {
		t.Fatal(err)
	}
	s2, _ := newSpool(t, func(c *Config) { c.Files, c.StateDir = PlainFiles(dir), filepath.Join(dir, "state") })
	if diff := cmp.Diff([]uint32{2, 3}, uids(open(t, s2, "u", ""))); diff != "" {
		t.Error(diff)
	}
}

func TestTidyLaterWhenClosedUntidy(t *testing.T) {
	if !leases {
		t.Skip("no leases on this system")
	}
	s, dir := newSpool(t)
	path := three(t, s, dir)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, s, "u", "")
	if _, err := m.Expunge(context.Background(), []uint32{1}); err != nil {
		t.Fatal(err)
	}
	m.Close()
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: four\n\n")})
	reader.Close()
	if err := s.Tidy(context.Background()); err != nil {
		t.Fatal(err)
	}
	if text := read(t, path); strings.Contains(text, "number 1") || !strings.Contains(text, "four") {
		t.Errorf("file after tidying:\n%s", text)
	}
}

func TestFlagsBothWays(t *testing.T) {
	s, dir := newSpool(t)
	path := three(t, s, dir)
	m := open(t, s, "u", "")
	first := wire(t, m, 1)
	change := mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen | mail.Answered | mail.Deleted, Keywords: []string{"work"}}
	if _, err := m.Store(context.Background(), []uint32{1}, change); err != nil {
		t.Fatal(err)
	}
	if err := s.Tidy(context.Background()); err != nil {
		t.Fatal(err)
	}
	text := read(t, path)
	if !strings.Contains(text, "Subject: number 1\nStatus: RO\nX-Status: A\nX-Keywords: work\n\nbody 1\n") {
		t.Errorf("flags not in the file:\n%s", text)
	}
	// What mail does to a message it has read and one it has listed.
	text = strings.Replace(text, "number 2\n", "number 2\nX-UID: 7\nStatus: OR\n", 1)
	text = strings.Replace(text, "Status: RO\nX-Status: A\n", "Status: OF\n", 1)
	text = strings.ReplaceAll(text, "From a@x  ", "From a@x ")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	refresh(t, m)
	var got []mail.Flags
	for _, msg := range m.Snapshot().Messages {
		got = append(got, msg.Flags)
	}
	if diff := cmp.Diff([]mail.Flags{mail.Flagged | mail.Deleted, mail.Seen, 0}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(first, wire(t, m, 1)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]uint32{1, 2, 3}, uids(m)); diff != "" {
		t.Error(diff)
	}
}

func TestStoreUnchangedSince(t *testing.T) {
	s, dir := newSpool(t)
	three(t, s, dir)
	m := open(t, s, "u", "")
	since := m.Snapshot().ModSeq
	ctx := context.Background()
	if _, err := m.Store(ctx, []uint32{2}, mail.FlagChange{Op: mail.SetFlags, Flags: mail.Draft}); err != nil {
		t.Fatal(err)
	}
	failed, err := m.Store(ctx, []uint32{1, 2, 3}, mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen, Conditional: true, Since: since})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint32{2}, failed.Conflict); diff != "" {
		t.Error(diff)
	}
	snap := m.Snapshot()
	if snap.Messages[1].Flags != mail.Draft || snap.Messages[0].Flags != mail.Seen || snap.ModSeq <= since {
		t.Errorf("%+v", snap)
	}
}

func TestRecentIsClaimedOnce(t *testing.T) {
	s, dir := newSpool(t)
	three(t, s, dir)
	a, b := open(t, s, "u", ""), open(t, s, "u", "")
	if !b.Snapshot().Messages[0].Recent {
		t.Error("unclaimed message is not recent")
	}
	ctx := context.Background()
	mine, err := a.ClaimRecent(ctx, []uint32{1, 2, 77})
	if diff := cmp.Diff([]uint32{1, 2}, mine); diff != "" || err != nil {
		t.Error(err, diff)
	}
	theirs, err := b.ClaimRecent(ctx, []uint32{1, 2, 3})
	if diff := cmp.Diff([]uint32{3}, theirs); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, msg := range a.Snapshot().Messages {
		if msg.Recent {
			t.Errorf("%d is recent after it was claimed", msg.UID)
		}
	}
}
