package mbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"
)

// TestTornTailWaitsForReaders: mail that has read a torn message, after a kill and before the restart, saves it later
// from where it was. Nothing else may lie there then: the tail is cut only when nobody has the file open.
func TestTornTailWaitsForReaders(t *testing.T) {
	dir := t.TempDir()
	files, state := PlainFiles(dir), filepath.Join(dir, "state")
	message := func(subject string) mail.Delivery {
		return mail.Delivery{User: "u", Body: []byte("Return-Path: <a@x>\nSubject: " + subject + "\n\n" + strings.Repeat("x\n", 20_000))}
	}
	disk := &faultyDisk{left: 1 << 20}
	s, err := New(Config{Files: files, StateDir: state, Zone: time.UTC, disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := s.Deliver(ctx, []mail.Delivery{message("first")})[0]; err != nil {
		t.Fatal(err)
	}
	disk.left = 1 // the note, and half a write of the message
	if err := s.Deliver(ctx, []mail.Delivery{message("torn")})[0]; err == nil {
		t.Fatal("delivered on a dead disk")
	}
	s.abandon()

	path := filepath.Join(dir, "spool", "u")
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(before), "Subject: torn") {
		t.Fatal("nothing is torn")
	}
	s, err = New(Config{Files: files, StateDir: state, Zone: time.UTC, LockWait: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Deliver(ctx, []mail.Delivery{message("second")})[0]; !errors.Is(err, mail.ErrLocked) {
		t.Errorf("delivered while a reader has the torn tail: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(before) {
		t.Errorf("the file changed under its reader: %d octets, %d before, %v", len(now), len(before), err)
	}
	reader.Close()
	if err := s.Deliver(ctx, []mail.Delivery{message("second")})[0]; err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(path); err != nil || strings.Contains(string(now), "Subject: torn") || strings.Count(string(now), "Subject: ") != 2 {
		t.Errorf("after the reader: %v, %d messages", err, strings.Count(string(now), "Subject: "))
	}
}
