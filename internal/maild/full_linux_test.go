package maild

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"maillab/internal/control"
	"maillab/internal/progress"
	"maillab/internal/safeio"
)

// disk is a small file system that can be made full and roomy again.
type disk struct {
	t   *testing.T
	dir string
}

func newDisk(t *testing.T) disk {
	t.Helper()
	d := disk{t, t.TempDir()}
	if err := unix.Mount("tmpfs", d.dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("cannot mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(d.dir, 0); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d disk) resize(bytes int64) {
	d.t.Helper()
	if err := unix.Mount("", d.dir, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", bytes)); err != nil {
		d.t.Fatal(err)
	}
}

// fill leaves not a block.
func (d disk) fill() {
	d.t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(d.dir, &s); err != nil {
		d.t.Fatal(err)
	}
	d.resize(int64(s.Blocks-s.Bfree) * s.Bsize)
}

// talk is a POP3 session that goes on.
type talk struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (b *sandboxed) talk(t *testing.T) talk {
	t.Helper()
	conn, err := net.Dial("tcp", b.addresses["pop3"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	k := talk{t, conn, bufio.NewReader(conn)}
	k.hear()
	return k
}

func (k talk) hear() {
	k.t.Helper()
	if line, err := k.in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+OK") {
		k.t.Fatalf("%q, %v", line, err)
	}
}

func (k talk) say(line string) {
	k.t.Helper()
	if _, err := io.WriteString(k.conn, line+"\r\n"); err != nil {
		k.t.Fatal(err)
	}
	k.hear()
}

// TestFullDisk: on a disk without a free block what has passed stays passed, checks and answers go on, and a record that
// could not be written says so. When there is room again all of it is kept.
func TestFullDisk(t *testing.T) {
	disk := newDisk(t)
	b := startIn(t, disk.dir, 3, class)
	if err := b.send("hello", "util1@test"); err != nil {
		t.Fatal(err)
	}
	if got := states(t, b.Daemon, alice()); got["sent"] != progress.Passed || got["logged"] != progress.Passed || got["read"] != progress.Failed {
		t.Fatalf("before the disk is full: %v", got)
	}
	half := b.talk(t)
	half.say("user util1")
	half.say("pass secret")
	if all, err := dialoguesOf(t, b, "alice"); err != nil || len(all) != 2 || all[1].Cut || len(all[1].Commands()) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}

	disk.fill()
	for range 400 { // more than a block has room for
		half.say("noop")
	}
	half.say("quit")
	pop(t, b, "util1", "retr 1", "quit")
	if err := b.send("refused", "util1@test"); err == nil {
		t.Error("mail was taken that there is no room for")
	}
	b.wait("that the dialogue during which the disk got full ends, cut", func() bool {
		all, err := dialoguesOf(t, b, "alice")
		return err == nil && len(all) >= 2 && all[1].Cut
	})
	got := states(t, b.Daemon, alice())
	if got["sent"] != progress.Passed || got["logged"] != progress.Passed || got["essay"] != progress.Manual {
		t.Errorf("with a full disk: %v", got)
	}
	if _, err := b.grading.Mark(t.Context(), control.Mark{Student: "alice", Task: "essay", Mark: &progress.Mark{Share: 1}}); err != nil {
		t.Error(err)
	}
	id := queueIDOf(t, b)
	if r, err := b.grading.Desk().Answer(t.Context(), "alice", "id", id); err != nil || r.State != progress.Passed {
		t.Errorf("an answer with a full disk: %+v, %v", r, err)
	}

	disk.resize(64 << 20)
	pop(t, b, "util1", "retr 1", "quit")
	if got := states(t, b.Daemon, alice()); got["read"] != progress.Passed || got["id"] != progress.Passed || got["sent"] != progress.Passed {
		t.Errorf("with room again: %v", got)
	}
	var results struct {
		Students map[string]progress.History
	}
	if err := safeio.ReadJSON(filepath.Join(disk.dir, "state", "results.json"), &results); err != nil {
		t.Fatal(err)
	}
	kept := results.Students["alice"].Current()
	if kept.Answers["id"] != id || kept.Passed["id"].At.IsZero() || kept.Passed["read"].At.IsZero() || kept.Marks["essay"].Share != 1 {
		t.Errorf("kept: %+v", kept)
	}
}

// queueIDOf is the queue ID of the message to util1, from the log.
func queueIDOf(t *testing.T, b *sandboxed) string {
	t.Helper()
	var log strings.Builder
	if err := b.Log(t.Context(), &log, -1, false); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(log.String()) {
		if head, _, found := strings.Cut(line, ": to=<util1@test>"); found {
			return head[strings.LastIndex(head, " ")+1:]
		}
	}
	t.Fatal("no delivery in the log")
	return ""
}
