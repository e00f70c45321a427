//go:build linux

package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLeaseHolder(t *testing.T) {
	ours := locked([2]uint32{8, 17}, 5678)
	for _, test := range []struct {
		name, line string
		pid        int
	}{
		{"ours", "1: LEASE  BREAKING  READ  1234 08:11:5678 0 EOF", 1234},
		{"the same inode on another disk", "1: LEASE  ACTIVE    READ  1234 08:01:5678 0 EOF", 0},
		{"the same inode on another kind of disk", "1: LEASE  ACTIVE    READ  1234 103:11:5678 0 EOF", 0},
		{"another inode", "1: LEASE  ACTIVE    READ  1234 08:11:567 0 EOF", 0},
		{"another lock", "1: POSIX  ADVISORY  READ  1234 08:11:5678 0 EOF", 0},
		{"of a process that is not to be seen from here", "1: LEASE  ACTIVE    READ  0 08:11:5678 0 EOF", 0},
		{"cut off", "1: LEASE", 0},
	} {
		pid, ok := leaseHolder(test.line, ours)
		if ok != (test.pid != 0) || ok && pid != test.pid {
			t.Errorf("%s: %d, %v", test.name, pid, ok)
		}
	}
}

// TestLeaseHolderOfARealFile: the kernel spells a file as we do.
func TestLeaseHolderOfARealFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "mailbox"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skipf("no leases on this file system: %v", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	file := locked([2]uint32{unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev))}, st.Ino)
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if pid, ok := leaseHolder(line, file); ok && pid == os.Getpid() {
			return
		}
	}
	t.Errorf("a lease on %s is not found in\n%s", file, text)
}

func TestDeviceAt(t *testing.T) {
	const mounts = `20 1 0:31 / / rw,relatime - overlay overlay rw
21 20 8:17 /volumes/a/_data /var/mail rw,relatime master:1 - ext4 /dev/sdb1 rw
22 20 0:26 /volumes/b/_data /var/mailbox rw - btrfs /dev/sdc rw
`
	for _, test := range []struct {
		at, more string
		want     [2]uint32
		ok       bool
	}{
		{"/var/mail", "", [2]uint32{8, 17}, true},
		{"/var/mail", "23 20 259:3 / /var/mail rw - xfs /dev/nvme0n1p3 rw\n", [2]uint32{259, 3}, true},
		{"/var/mail", "23 20 cut:off / /var/mail\n", [2]uint32{8, 17}, true},
		{"/var", "", [2]uint32{}, false},
	} {
		if got, ok := deviceAt(mounts+test.more, test.at); got != test.want || ok != test.ok {
			t.Errorf("%s with %q: %v, %v", test.at, test.more, got, ok)
		}
	}
}
