//go:build linux

package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// office is a client and its server over a spool and homes in a temporary directory. As root, the users have uids of
// their own; else all are the one who runs the test.
type office struct {
	*Client
	t       *testing.T
	files   *Files
	backend *backend
	dir     string
	served  chan error
}

// backend records what it was asked. The race detector does not see that a socket orders things: hence the lock.
type backend struct {
	after chan struct{}

	mu        sync.Mutex
	spec, key string
	fail      error
}

func (b *backend) locked(do func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	return b.fail
}

func (b *backend) Configure(_ context.Context, text []byte) (func(), error) {
	return func() { close(b.after) }, b.locked(func() { b.spec = string(text) })
}

func (b *backend) Authorize(_ context.Context, account, key string, ttl time.Duration) error {
	return b.locked(func() { b.key = fmt.Sprint(account, " ", key, " ", ttl) })
}

func (b *backend) HostKey(context.Context) (string, error) {
	return "ssh-ed25519 AAAA", b.locked(func() {})
}

func (b *backend) Stamp(context.Context) (string, error) { return "1", b.locked(func() {}) }

func (b *backend) Moving(context.Context) error { return b.locked(func() {}) }

func (b *backend) Spec(context.Context) (text []byte, err error) {
	err = b.locked(func() { text = []byte(b.spec) })
	return text, err
}

func (o *office) owner(user string) (Owner, error) {
	uid, gid := os.Getuid(), os.Getgid()
	index := map[string]int{"util1": 1, "util11": 2}[user]
	if index == 0 {
		return Owner{}, fmt.Errorf("no account %q: %w", user, syscall.ENOENT)
	}
	if uid == 0 {
		uid, gid = 190000+index, 190000+index
	}
	return Owner{UID: uid, GID: gid, Home: filepath.Join(o.dir, "home", user)}, nil
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), backend: &backend{after: make(chan struct{})}, served: make(chan error, 1)}
	mailGID := os.Getgid()
	if os.Getuid() == 0 {
		mailGID = 190999
	}
	must(t, os.Chmod(o.dir, 0o755))
	must(t, os.Chmod(filepath.Dir(o.dir), 0o755))
	must(t, os.Mkdir(filepath.Join(o.dir, "spool"), 0o775))
	must(t, os.Chown(filepath.Join(o.dir, "spool"), -1, mailGID))
	must(t, os.Chmod(filepath.Join(o.dir, "spool"), 0o775|os.ModeSetgid))
	must(t, os.Mkdir(filepath.Join(o.dir, "home"), 0o755))
	for _, user := range []string{"util1", "util11"} {
		owner, _ := o.owner(user)
		must(t, os.Mkdir(owner.Home, 0o700))
		must(t, os.Chown(owner.Home, owner.UID, owner.GID))
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.files = NewFiles(ctx, filepath.Join(o.dir, "spool"), mailGID, o.owner)
	o.Client = o.connect(ctx)
	t.Cleanup(func() {
		o.Close()
		<-o.served
		cancel()
	})
	return o
}

func (o *office) connect(ctx context.Context) *Client {
	o.t.Helper()
	ours, theirs, err := handoff.Pair("broker")
	must(o.t, err)
	conn, err := handoff.FileConn(theirs)
	must(o.t, err)
	go func() { o.served <- Serve(ctx, ours, o.files, o.backend, slog.New(slog.DiscardHandler)) }()
	return NewClient(conn)
}

// asUser runs do as the user would: what he makes belongs to him.
func (o *office) asUser(user string, do func()) {
	o.t.Helper()
	owner, _ := o.owner(user)
	must(o.t, o.files.crew.as(context.Background(), owner.UID, owner.GID, do))
}

func (o *office) home(user string, more ...string) string {
	return filepath.Join(append([]string{o.dir, "home", user}, more...)...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, f *os.File, text string) {
	t.Helper()
	_, err := f.WriteString(text)
	must(t, err)
	must(t, f.Close())
}

func TestOpenInbox(t *testing.T) {
	o, ctx := open(t), context.Background()
	if _, err := o.Open(ctx, "util1", Inbox, os.O_RDWR); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing mailbox: %v", err)
	}
	f, err := o.Open(ctx, "util1", Inbox, os.O_RDWR|os.O_CREATE)
	must(t, err)
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v", flags, err)
	}
	write(t, f, "From x\n")
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(o.dir, "spool", "util1"), &st))
	owner, _ := o.owner("util1")
	if st.Mode != unix.S_IFREG|0o660 || int(st.Uid) != owner.UID || int(st.Gid) != o.files.MailGID {
		t.Errorf("mode %o, owner %d:%d", st.Mode, st.Uid, st.Gid)
	}
	f, err = o.Open(ctx, "util1", Inbox, os.O_RDONLY)
	must(t, err)
	if text, err := io.ReadAll(f); err != nil || string(text) != "From x\n" {
		t.Errorf("read %q, %v", text, err)
	}
	if _, err := f.WriteString("x"); err == nil {
		t.Error("a file opened for reading can be written")
	}
	must(t, f.Close())
	if _, err := o.Open(ctx, "util1", Inbox, os.O_RDWR|os.O_CREATE|os.O_EXCL); !errors.Is(err, os.ErrExist) {
		t.Errorf("O_EXCL on what is there: %v", err)
	}
	f, err = o.Open(ctx, "util1", Inbox, os.O_RDWR|os.O_TRUNC)
	must(t, err)
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("truncated: %v, %v", info, err)
	}
	must(t, f.Close())
	if _, err := o.Open(ctx, "root", Inbox, os.O_RDONLY); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("root's mailbox: %v", err)
	}
	if _, err := o.Open(ctx, "util1", Inbox, os.O_RDONLY|unix.O_DIRECT); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a strange flag: %v", err)
	}
}

func TestFolders(t *testing.T) {
	o, ctx := open(t), context.Background()
	if names, err := o.List(ctx, "util1"); err != nil || len(names) > 0 {
		t.Errorf("no folders: %v, %v", names, err)
	}
	for _, box := range []string{"b", "2026/march", "a"} {
		f, err := o.Open(ctx, "util1", box, os.O_RDWR|os.O_CREATE)
		must(t, err)
		write(t, f, box)
	}
	o.asUser("util1", func() { // what is not a folder is not listed
		_ = os.Symlink("/etc/passwd", o.home("util1", "mail", "link"))
		_ = os.WriteFile(o.home("util1", "mail", ".hidden"), nil, 0o600)
		_ = os.WriteFile(o.home("util1", "mail", "a.lock"), nil, 0o600)
		_ = os.Symlink("/", o.home("util1", "mail", "rootdir"))
		_ = unix.Mkfifo(o.home("util1", "mail", "fifo"), 0o600)
	})
	names, err := o.List(ctx, "util1")
	must(t, err)
	want := []mail.File{{Path: "2026", Dir: true}, {Path: "2026/march", Size: int64(len("2026/march"))}, {Path: "a", Size: 1}, {Path: "b", Size: 1}}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	must(t, o.Mkdir(ctx, "util1", "new/dir"))
	if err := o.Mkdir(ctx, "util1", "new/dir"); !errors.Is(err, os.ErrExist) {
		t.Errorf("making it twice: %v", err)
	}
	must(t, o.Remove(ctx, "util1", "new/dir"))
	must(t, o.Remove(ctx, "util1", "new"))
	must(t, o.Rename(ctx, "util1", "a", "old/a"))
	must(t, o.Remove(ctx, "util1", "b"))
	must(t, o.Remove(ctx, "util1", "2026/march"))
	must(t, o.Remove(ctx, "util1", "2026")) // an empty directory
	names, err = o.List(ctx, "util1")
	must(t, err)
	if diff := cmp.Diff([]mail.File{{Path: "old", Dir: true}, {Path: "old/a", Size: 1}}, names); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	if err := o.Remove(ctx, "util1", "b"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removing what is not there: %v", err)
	}
	if err := o.Rename(ctx, "util1", "old/a", Inbox); !errors.Is(err, syscall.EXDEV) {
		t.Errorf("renaming a folder to the inbox: %v", err)
	}
}

func TestInboxIsReplaced(t *testing.T) {
	o, ctx := open(t), context.Background()
	for box, text := range map[string]string{Inbox: "old", NewInbox: "new"} {
		f, err := o.Open(ctx, "util1", box, os.O_RDWR|os.O_CREATE)
		must(t, err)
		write(t, f, text)
	}
	must(t, o.Rename(ctx, "util1", NewInbox, Inbox))
	text, err := os.ReadFile(filepath.Join(o.dir, "spool", "util1"))
	if err != nil || string(text) != "new" {
		t.Errorf("the inbox holds %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(o.dir, "spool", ".util1.new")); !os.IsNotExist(err) {
		t.Errorf("the new inbox is still beside it: %v", err)
	}
}

// TestRefusals is what a student may put in place of his files.
func TestRefusals(t *testing.T) {
	o, ctx := open(t), context.Background()
	secret := filepath.Join(o.dir, "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	mail := func(name string) string { return o.home("util1", "mail", name) }
	o.asUser("util1", func() {
		for _, err := range []error{
			os.Mkdir(mail(""), 0o700),
			os.Symlink(secret, mail("link")),
			os.Symlink("/nowhere", mail("dangling")),
			os.Symlink(o.home("util11"), mail("linked")),
			os.WriteFile(mail("one"), nil, 0o600),
			os.Link(mail("one"), mail("two")),
			os.Mkdir(mail("dir"), 0o700),
			unix.Mkfifo(mail("fifo"), 0o600),
			os.WriteFile(mail("unreadable"), nil, 0),
			os.Symlink(secret, o.home("util1", ".forward")),
		} {
			must(t, err)
		}
	})
	for _, tt := range []struct {
		box     string
		errno   syscall.Errno
		refused bool
	}{
		{"link", syscall.ELOOP, true},
		{"dangling", syscall.ELOOP, true},
		{"linked/x", syscall.ELOOP, true},
		{"two", syscall.EMLINK, true},
		{"dir", syscall.EISDIR, true},
		{".forward", syscall.ELOOP, true},
		{"one/x", syscall.ENOTDIR, false},
		{"../x", syscall.EINVAL, true},
	} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_TRUNC} {
			f, err := o.Open(ctx, "util1", tt.box, flag)
			if err == nil {
				f.Close()
			}
			// A directory says EISDIR to who would write, without a look.
			if !errors.Is(err, tt.errno) || (errors.Is(err, ErrRefused) != tt.refused && tt.errno != syscall.EISDIR) {
				t.Errorf("open %s with %#x: %v, want %v, refused %v", tt.box, flag, err, tt.errno, tt.refused)
			}
		}
	}
	if _, err := o.Open(ctx, "util1", "fifo", os.O_RDONLY); !errors.Is(err, ErrRefused) {
		t.Errorf("a FIFO, read: %v", err)
	}
	if _, err := o.Open(ctx, "util1", "fifo", os.O_WRONLY); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("a FIFO, written: %v", err)
	}
	if os.Getuid() == 0 { // root's test, but not root's rights
		if _, err := o.Open(ctx, "util1", "unreadable", os.O_RDONLY); !errors.Is(err, os.ErrPermission) {
			t.Errorf("an unreadable file: %v", err)
		}
		must(t, os.Lchown(mail("one"), 190002, 190002))
		must(t, os.Remove(mail("two")))
		must(t, os.Chmod(mail("one"), 0o666))
		if _, err := o.Open(ctx, "util1", "one", os.O_RDWR); !errors.Is(err, syscall.EPERM) || !errors.Is(err, ErrRefused) {
			t.Errorf("another's file: %v", err)
		}
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "secret" {
		t.Errorf("the secret is %q, %v", text, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	o, ctx := open(t), context.Background()
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			user := []string{"util1", "util11"}[i%2]
			f, err := o.Open(ctx, user, fmt.Sprintf("box%d", i%10), os.O_RDWR|os.O_CREATE|os.O_APPEND)
			if err != nil {
				t.Errorf("open %d: %v", i, err)
				return
			}
			defer f.Close()
			owner, _ := o.owner(user)
			var st unix.Stat_t
			if err := unix.Fstat(int(f.Fd()), &st); err != nil || int(st.Uid) != owner.UID {
				t.Errorf("box of %s belongs to %d, %v", user, st.Uid, err)
			}
		})
	}
	all.Wait()
}

func TestBackendIsAsked(t *testing.T) {
	o, ctx := open(t), context.Background()
	if text, err := o.Spec(ctx); err != nil || text != nil {
		t.Errorf("no spec yet: %q, %v", text, err)
	}
	long := fmt.Sprintf("%01000000d", 1) // far more than a packet holds
	must(t, o.Configure(ctx, []byte(long)))
	<-o.backend.after
	if text, err := o.Spec(ctx); err != nil || string(text) != long {
		t.Errorf("the spec is of %d bytes, %v", len(text), err)
	}
	must(t, o.Authorize(ctx, "util1", "ssh-ed25519 BBBB", time.Minute))
	_ = o.backend.locked(func() {
		if want := "util1 ssh-ed25519 BBBB 1m0s"; o.backend.key != want {
			t.Errorf("authorized %q, want %q", o.backend.key, want)
		}
	})
	if key, err := o.HostKey(ctx); err != nil || key != "ssh-ed25519 AAAA" {
		t.Errorf("host key %q, %v", key, err)
	}
	_ = o.backend.locked(func() { o.backend.fail = errors.New("no") })
	if _, err := o.HostKey(ctx); err == nil || err.Error() != "hostkey: no" {
		t.Errorf("an error of the backend's: %v", err)
	}
}

func TestEndOfEitherSide(t *testing.T) {
	o := open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := o.Open(ctx, "util1", Inbox, os.O_RDONLY); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	must(t, o.Close())
	if _, err := o.List(context.Background(), "util1"); !errors.Is(err, net.ErrClosed) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("after the end: %v", err)
	}
	if err := <-o.served; err != nil {
		t.Errorf("the server ends with %v", err)
	}
	o.served <- nil
}
