//go:build linux

package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/smtp"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDisk: the instance folder is on a disk that becomes full while snapshots are saved. What was saved before is
// whole and can be restored, nothing of the failed one is left, the class goes on, and room is made by removing one.
func TestFullDisk(t *testing.T) {
	c := newClass(t, "full")
	c.env.DataDir = smallDisk(t, 3<<20)
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "1")
	at := c.status().Sandboxes[0].Addresses
	if err := smtp.SendMail(at["smtp"], nil, "util3@local.isri.fr", []string{"util1"}, []byte("Subject: noise\r\n\r\n"+incompressible(300<<10)+"\r\n")); err != nil {
		t.Fatal(err)
	}
	box := func() string { return c.run("exec", "1", "--", "cat", "/var/mail/util1") }
	before := box()
	saved, failed := 0, ""
	for ; failed == "" && saved < 20; saved++ {
		if code, _, errs := c.try(t.Context(), "snapshot", "save", fmt.Sprintf("s%d", saved)); code != 0 {
			failed = errs
		}
	}
	saved-- // the last one was not
	if !strings.Contains(failed, "no space left on device") || saved == 0 {
		t.Fatalf("after %d snapshots: %q", saved, failed)
	}
	var list struct{ Snapshots []struct{ Name string } }
	if err := json.Unmarshal([]byte(c.run("snapshot", "ls", "-o", "json")), &list); err != nil || len(list.Snapshots) != saved {
		t.Errorf("%d snapshots were saved, these are listed: %v, %v", saved, list, err)
	}
	left, err := filepath.Glob(filepath.Join(c.env.DataDir, "instances", c.name, "snapshots", ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("of the one that failed is left: %v, %v", left, err)
	}
	if box() != before {
		t.Error("the failed snapshot changed a mailbox")
	}
	deliver(t, at["smtp"], "util1", "the class goes on")
	for n := range saved {
		c.run("snapshot", "restore", fmt.Sprintf("s%d", n), "-y")
		if box() != before {
			t.Errorf("s%d is not what was saved", n)
		}
	}
	c.run("snapshot", "rm", "s0", "-y")
	c.run("snapshot", "save", "again")
}

// smallDisk is a folder on a disk of so many bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skip("a small disk cannot be had: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// incompressible is a text of so many bytes, in lines.
func incompressible(size int) string {
	noise := make([]byte, size*3/4)
	_, _ = rand.Read(noise)
	text := base64.StdEncoding.EncodeToString(noise)
	var out strings.Builder
	for len(text) > 76 {
		out.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	return out.String() + text
}
