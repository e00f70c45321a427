package mbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/mail"
)

// parkDir tells the child of TestKilledInARewrite where the spool is; it inherits the parking.
const parkDir = "MBOX_PARK_DIR"

// halfDisk stops for ever when half of a rewrite is in the mailbox.
type halfDisk struct {
	realDisk
	mailbox string
}

func (d halfDisk) WriteAt(f *os.File, b []byte, off int64) error {
	if f.Name() != d.mailbox || off > 0 { // an append goes behind what is there
		return d.realDisk.WriteAt(f, b, off)
	}
	if err := d.realDisk.WriteAt(f, b[:len(b)/2], off); err != nil {
		return err
	}
	fmt.Println("half")
	_ = unix.Pause() // a select without cases is a deadlock to the runtime
	return nil
}

// rewriteHalf expunges the first of the messages and never comes to an end.
func rewriteHalf(dir string) {
	parking := &Parking{In: os.NewFile(3, "in"), Out: os.NewFile(4, "out")}
	files := PlainFiles(dir)
	s, err := New(Config{Files: files, StateDir: filepath.Join(dir, "state"), Zone: time.UTC, Parking: parking,
		disk: halfDisk{mailbox: filepath.Join(dir, "spool", "u")}})
	if err == nil {
		err = expungeFirst(s)
	}
	fmt.Println("no half:", err)
	os.Exit(1)
}

// expungeFirst expunges the first message, and rewrites the mailbox when nobody uses it any more.
func expungeFirst(s *Spool) error {
	m, err := s.Mailbox(context.Background(), "u", Inbox)
	if err != nil {
		return err
	}
	_, err = m.Expunge(context.Background(), []uint32{m.Snapshot().Messages[0].UID})
	return errors.Join(err, m.Close(), s.Tidy(context.Background()))
}

// TestKilledInARewrite: whoever wants to open a mailbox that a killed process had half rewritten waits until the next
// process has done it.
func TestKilledInARewrite(t *testing.T) {
	dir := t.TempDir()
	config := Config{Files: PlainFiles(dir), StateDir: filepath.Join(dir, "state"), Zone: time.UTC}
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		deliver(t, s, mail.Delivery{User: "u", Body: killMessage(fmt.Sprint("m", i), 39)})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if config.Parking, err = NewParking(); err != nil {
		t.Fatal(err)
	}
	killHalfway(t, dir, config.Parking)
	path := filepath.Join(dir, "spool", "u")
	if f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); !errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		t.Fatalf("half a rewrite is open to everybody: %v", err)
	}
	reader := exec.Command("cat", path) // waits for the lease
	var saw strings.Builder
	reader.Stdout = &saw
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	if s, err = New(config); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := reader.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if want := i > 0; strings.Contains(saw.String(), fmt.Sprintf("Subject: m%d\n", i)) != want ||
			strings.Contains(saw.String(), fmt.Sprintf("end of m%d\n", i)) != want {
			t.Errorf("message %d is not whole, or not gone", i)
		}
	}
	if name, f, err := config.Parking.receive(true); f != nil || err != nil {
		t.Errorf("%q is still parked: %v", name, err)
	}
}

// killHalfway kills a process that has come half way.
func killHalfway(t *testing.T, dir string, p *Parking) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parkDir+"="+dir)
	cmd.ExtraFiles = []*os.File{p.In, p.Out}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 100)
	n, _ := out.Read(said)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if string(said[:n]) != "half\n" {
		t.Fatalf("the child says %q", said[:n])
	}
}
