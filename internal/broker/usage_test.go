//go:build linux

package broker

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestUsage(t *testing.T) {
	o, ctx := open(t), context.Background()
	usage := func(user string, pids ...int) Usage {
		t.Helper()
		u, err := usageOf(ctx, o, user, pids)
		must(t, err)
		return u
	}
	before := usage("util1")
	f, err := o.Open(ctx, "util1", "a/b", os.O_RDWR|os.O_CREATE)
	must(t, err)
	write(t, f, string(make([]byte, 1<<20)))
	f, err = o.Open(ctx, "util1", Inbox, os.O_RDWR|os.O_CREATE)
	must(t, err)
	write(t, f, string(make([]byte, 1<<20)))
	o.asUser("util1", func() {
		must(t, os.Symlink("/usr", o.home("util1", "link")))
		must(t, os.WriteFile(o.home("util1", "sparse"), nil, 0o600))
		must(t, os.Truncate(o.home("util1", "sparse"), 1<<40))
	})
	after := usage("util1")
	for what, grown := range map[string]int64{"home": after.Own - before.Own, "mailbox": after.Mailbox - before.Mailbox} {
		if grown < 1<<20 || grown > 3<<19 {
			t.Errorf("1 MiB more in the %s are %d octets more", what, grown)
		}
	}
	o.asUser("util1", func() {
		dir, err := os.OpenRoot(o.home("util1"))
		must(t, err)
		for range 3 * maxNesting {
			must(t, dir.Mkdir("d", 0o700))
			next, err := dir.OpenRoot("d")
			must(t, err)
			must(t, dir.Close())
			dir = next
		}
		must(t, dir.WriteFile("deep", make([]byte, 5<<20), 0o600))
		must(t, dir.Close())
	})
	if deep := usage("util1"); deep.Own-after.Own < 5<<20 || deep.Hidden != "" {
		t.Errorf("5 MiB deep down are %d octets more, hidden %q", deep.Own-after.Own, deep.Hidden)
	}
	if again := usage("util1"); again.Stamp == before.Stamp || again.Stamp != usage("util1").Stamp {
		t.Errorf("stamps: %x before, %x after, %x again", before.Stamp, after.Stamp, again.Stamp)
	}
	if other := usage("util11"); other.Own != before.Own || other.Mailbox != before.Mailbox || other.Hidden != "" {
		t.Errorf("util11 uses %+v", other)
	}
}

// TestUsageOfWhatIsClosed: a directory that its owner may not read, or not enter, is looked into all the same.
func TestUsageOfWhatIsClosed(t *testing.T) {
	for _, mode := range []os.FileMode{0, 0o300, 0o400} {
		t.Run(mode.String(), func(t *testing.T) {
			o := open(t)
			before, err := usageOf(t.Context(), o, "util1", nil)
			must(t, err)
			o.asUser("util1", func() {
				must(t, os.Mkdir(o.home("util1", "closed"), 0o700))
				must(t, os.WriteFile(o.home("util1", "closed/large"), make([]byte, 2<<20), 0o600))
				must(t, os.Chmod(o.home("util1", "closed"), mode))
			})
			after, err := usageOf(t.Context(), o, "util1", nil)
			must(t, err)
			if after.Own-before.Own < 2<<20 || after.Hidden != "" {
				t.Errorf("2 MiB are %d octets more, hidden %q", after.Own-before.Own, after.Hidden)
			}
		})
	}
}

// TestUsageOfFilesWithoutAName: what a program has unlinked and keeps open counts once, however many keep it; one that does
// not let itself be looked at hides what it has.
func TestUsageOfFilesWithoutAName(t *testing.T) {
	o := open(t)
	before, err := usageOf(t.Context(), o, "util1", nil)
	must(t, err)
	owner, err := o.files.Lookup("util1")
	must(t, err)
	const python = "/usr/bin/python3" // the first in root's PATH may lie where a student may not go
	if _, err := exec.LookPath(python); err != nil {
		t.Skip("the system's python3 is needed: ", err)
	}
	hold := func(script string) int {
		t.Helper()
		cmd := exec.Command(python, "-c", script, o.home("util1", "nameless"))
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(owner.UID), Gid: uint32(owner.GID)}}
		out, err := cmd.StdoutPipe()
		must(t, err)
		in, err := cmd.StdinPipe()
		must(t, err)
		must(t, cmd.Start())
		t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
		_, err = out.Read(make([]byte, 1))
		must(t, err)
		return cmd.Process.Pid
	}
	const write = `
import os,sys,mmap,ctypes
f=open(sys.argv[1]+str(os.getpid()),"wb+"); f.write(b"x"*(3<<20)); f.flush(); os.unlink(f.name)
`
	const wait = `
print("x",flush=True); sys.stdin.read()`
	opened := hold(write + "g=os.dup(f.fileno())" + wait)
	mapped := hold(write + "m=mmap.mmap(f.fileno(),3<<20); f.close()" + wait)
	for what, pid := range map[string]int{"open": opened, "mapped": mapped} {
		u, err := usageOf(t.Context(), o, "util1", []int{pid})
		must(t, err)
		if grown := u.Own - before.Own; grown < 3<<20 || grown > 4<<20 || u.Hidden != "" {
			t.Errorf("3 MiB %s are %d octets more, hidden %q", what, grown, u.Hidden)
		}
	}
	secret := hold("import sys,ctypes; ctypes.CDLL(None).prctl(4,0,0,0,0)" + wait) // PR_SET_DUMPABLE
	u, err := usageOf(t.Context(), o, "util1", []int{secret})
	must(t, err)
	if u.Hidden == "" {
		t.Error("a program that cannot be looked at hides nothing")
	}
	u, err = usageOf(t.Context(), o, "util1", []int{1 << 30})
	must(t, err)
	if u.Hidden != "" {
		t.Errorf("a program that has ended hides %q", u.Hidden)
	}
}

func TestParseMapping(t *testing.T) {
	nameless := mapping{inode{unix.Mkdev(0xfe, 1), 1234}, 0x3000, "/home/util1/my file", true}
	named := mapping{inode{unix.Mkdev(8, 0), 7}, 0x1000, filepath.Join("/usr/lib", "libc.so.6"), false}
	for line, want := range map[string]*mapping{
		"7f0000000000-7f0000003000 rw-s 00000000 fe:01 1234                       /home/util1/my file (deleted)": &nameless,
		"7f0000000000-7f0000001000 r-xp 00028000 08:00 7                          /usr/lib/libc.so.6":            &named,
		"7ffd0-7ffd1 rw-p 00000000 00:00 0 ": {inode{}, 1, "", false},
		"":                                   nil, "zz-1 r 0 0:0 0": nil, "2-1 r--p 00000000 00:00 0": nil,
	} {
		got, ok := parseMapping(line)
		if ok != (want != nil) || ok && !cmp.Equal(*want, got, cmp.AllowUnexported(mapping{}, inode{})) {
			t.Errorf("%q: %+v, %v", line, got, ok)
		}
	}
}

// BenchmarkUsage is a look at an account with sixty files: labinit does it every other second, and once more for each copy.
func BenchmarkUsage(b *testing.B) {
	dir := b.TempDir()
	for i := range 60 {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), []byte("a note"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		m := meter{uid: os.Getuid()}
		m.tree(unix.AT_FDCWD, dir)
	}
}

// usageOf is what one user takes, with these of his programs.
func usageOf(ctx context.Context, o *office, user string, pids []int) (Usage, error) {
	used, err := o.files.Usage(ctx, []string{user}, map[string][]int{user: pids})
	return used[user], err
}
