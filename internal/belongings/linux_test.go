//go:build linux

package belongings

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSpecialFiles: FIFOs and sockets are left out and never waited for, holes cost nothing, and come back as holes.
func TestSpecialFiles(t *testing.T) {
	p, home := student(t)
	if err := unix.Mkfifo(filepath.Join(home, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	sparse := filepath.Join(home, "sparse")
	put(t, sparse, "begin", 0o600)
	f, err := os.OpenFile(sparse, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("end"), 500<<20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	archive := saved(t, p, All)
	if info, _ := archive.Stat(); info.Size() > 1<<20 {
		t.Errorf("an archive of %d bytes for a file with little in it", info.Size())
	}
	if err := p.Prepare(t.Context(), []string{"u"}, All, archive); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(t.Context(), []string{"u"}, All); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(sparse, &st); err != nil || st.Size != 500<<20+3 || st.Blocks*512 > 1<<20 {
		t.Errorf("came back with %d bytes in %d blocks: %v", st.Size, st.Blocks, err)
	}
	if _, err := os.Lstat(filepath.Join(home, "fifo")); err == nil {
		t.Error("a FIFO came back")
	}
}

// TestLocksAreNotWaitedForLong: a lock delays a copy as long as it may, and a lease until its holder has been ended.
func TestLocksAreNotWaitedForLong(t *testing.T) {
	p, _ := student(t)
	path := filepath.Join(p.Dir, "spool", "u")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var out bytes.Buffer
	if err := SaveInbox(t.Context(), tar.NewWriter(&out), root, "u", 10*time.Millisecond, nil); err != nil || out.Len() == 0 {
		t.Errorf("locked: %v", err)
	}
	lock.Type = unix.F_UNLCK
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("no leases here: ", err)
	}
	evicted := 0
	evict := func() {
		evicted++
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK); err != nil {
			t.Error(err)
		}
	}
	out.Reset()
	if err := SaveInbox(t.Context(), tar.NewWriter(&out), root, "u", 10*time.Millisecond, evict); err != nil || evicted != 1 || out.Len() == 0 {
		t.Errorf("leased: %v, evicted %d times", err, evicted)
	}
}

// TestRemovingIsBounded: however deep a student goes, it does not cost the one who removes for all a descriptor a level.
func TestRemovingIsBounded(t *testing.T) {
	dir := t.TempDir()
	home, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	into := home
	for range 20 * maxDepth {
		if err := into.Mkdir("d", 0o700); err != nil {
			t.Fatal(err)
		}
		next, err := into.OpenRoot("d")
		if err != nil {
			t.Fatal(err)
		}
		if into != home {
			into.Close()
		}
		into = next
	}
	into.Close()
	var limit, few syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few = limit
	few.Cur = 3 * maxDepth
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	err = removeAll(home, "d")
	if back := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || back != nil {
		t.Fatal(err, back)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
