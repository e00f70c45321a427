//go:build linux

package sandbox

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"maillab/internal/broker"
	"maillab/internal/spec"
)

func TestFromEnv(t *testing.T) {
	env := map[string]string{"MAILLAB_TOKEN": "t", "MAILLAB_UID_BASE": "101000", "MAILLAB_INCARNATION": "2"}
	got, err := FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Config{Token: "t", UIDBase: 101000, Incarnation: 2}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	bad := map[string]string{"MAILLAB_UID_BASE": "1000", "MAILLAB_SPEC": "nothing", "MAILLAB_INCARNATION": "second"}
	_, err = FromEnv(func(name string) string { return bad[name] })
	for _, name := range []string{"MAILLAB_TOKEN", "MAILLAB_UID_BASE", "MAILLAB_SPEC", "MAILLAB_INCARNATION"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestHostsFile(t *testing.T) {
	sb := goodSpec()
	got := string(hostsFile(&sb, ownAddress(), "test6isri"))
	want := "127.0.0.1\tlocalhost\n::1\tip6-localhost ip6-loopback\n127.0.1.1\ttest6isri.local.isri.fr test6isri smtp.u-picardie.fr\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sb.Between = &spec.Between{}
	if got := string(hostsFile(&sb, ownAddress(), "")); !strings.HasPrefix(got, "127.0.0.1\tlocalhost UNKNOWN\n") {
		t.Errorf("a login asks the name server: %s", got)
	}
}

func TestLimitsFile(t *testing.T) {
	got := string(limitsFile(spec.Limits{Processes: 32, SpoolBytes: 64<<20 + 1}))
	want := "# What one account may use up.\n*\t-\tcore\t0\n*\t-\tnofile\t1024\n*\t-\tpriority\t19\n*\t-\tnproc\t32\n*\t-\tfsize\t65537\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReplaceLeavesTheOldFileWhenItCannot(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := replace(path, []byte("old"), 0o600, -1); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replace(filepath.Join(dir, "dir"), []byte("new"), 0o600, -1); err == nil {
		t.Error("a directory was replaced")
	}
	if err := replace(path, []byte("new"), 0o640, -1); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestHostKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := hostKey(path, "", false)
	if err != nil || !strings.HasPrefix(first, "ssh-ed25519 ") {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := hostKey(path, "", false); err != nil || again != first {
		t.Errorf("%q, then %q, %v", first, again, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hostKey(path, "", false); err == nil {
		t.Error("a damaged key is replaced without a word")
	}
}

// TestHostKeyFollowsFromTheToken where a sandbox may be placed anew, and from nothing that others know.
func TestHostKeyFollowsFromTheToken(t *testing.T) {
	shown := map[string]string{}
	for name, of := range map[string]struct {
		token  string
		placed bool
	}{"here": {"a", true}, "elsewhere": {"a", true}, "another's": {"b", true}, "on one machine": {"a", false}} {
		var err error
		if shown[name], err = hostKey(filepath.Join(t.TempDir(), "key"), of.token, of.placed); err != nil {
			t.Fatal(err)
		}
	}
	if shown["here"] != shown["elsewhere"] || shown["here"] == shown["another's"] || shown["here"] == shown["on one machine"] {
		t.Errorf("%v", shown)
	}
}

func TestKeyring(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	k := newKeyring(dir, func() time.Time { return now })
	var lines []string
	for range 2 {
		key, err := newHostKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.ParsePrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))))
	}
	read := func() string {
		text, _ := os.ReadFile(filepath.Join(dir, "util1"))
		return string(text)
	}
	add := func(line string, ttl time.Duration) {
		t.Helper()
		if err := k.add("util1", line, ttl); err != nil {
			t.Fatal(err)
		}
	}
	add(`command="rm -rf /",no-pty `+lines[0]+" comment", time.Minute)
	if want := `expiry-time="202603021002Z" ` + lines[0] + "\n"; read() != want {
		t.Errorf("the file holds %q, want %q", read(), want)
	}
	add(lines[1], 2*time.Minute)
	now = now.Add(time.Minute)
	if err := k.expire(); err != nil {
		t.Fatal(err)
	}
	if want := `expiry-time="202603021003Z" ` + lines[1] + "\n"; read() != want {
		t.Errorf("after a minute the file holds %q, want %q", read(), want)
	}
	now = now.Add(time.Minute)
	if err := k.expire(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "util1")); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %q", read())
	}
	for _, ttl := range []time.Duration{0, -1, maxTTL + 1} {
		if err := k.add("util1", lines[0], ttl); err == nil {
			t.Errorf("a key for %v", ttl)
		}
	}
	if err := k.add("util1", "ssh-ed25519 nonsense", time.Minute); err == nil {
		t.Error("nonsense is a key")
	}
}

func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.Repeat([]byte("x"), 1000)
	for range 3 * maxLog / len(line) {
		if n, err := l.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + ".1"} {
		if info, err := os.Stat(name); err != nil || info.Size() > maxLog || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestLines(t *testing.T) {
	var out bytes.Buffer
	w := &lines{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))}
	for _, part := range []string{"one\r\ntw", "o\n", "\nend without a line end " + strings.Repeat("y", 4096)} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := strings.Count(out.String(), "\n"); got != 4 || !strings.Contains(out.String(), "msg=two\n") {
		t.Errorf("%d records: %.200q", got, out.String())
	}
}

// Of those who have not logged in the oldest of the peer that has the most goes; one that may be logging in does not.
func TestGoner(t *testing.T) {
	one, two, three := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	logins := func(peers ...netip.Addr) (all []*login) {
		for i, peer := range peers {
			all = append(all, &login{child{pid: i}, peer})
		}
		return all
	}
	for _, test := range []struct {
		waiting []*login
		busy    []int // may not go
		want    int   // -1: none
	}{
		{logins(), nil, -1},
		{logins(one, two, two, three), nil, 1},
		{logins(one, two, two, three), []int{1}, 2},
		{logins(one, two, two, three), []int{1, 2}, 0},
		{logins(one, one, two, two), nil, 0},
		{logins(one), []int{0}, -1},
		{logins(netip.Addr{}, netip.Addr{}), nil, 0},
	} {
		got := goner(test.waiting, func(l *login) bool { return !slices.Contains(test.busy, l.pid) })
		if pid := -1; got != nil && got.pid != test.want || got == nil && pid != test.want {
			t.Errorf("%v of %d goes, want %d", got, len(test.waiting), test.want)
		}
	}
}

func TestRecordOfStartFiles(t *testing.T) {
	files := []spec.File{{Path: "/home/util1/a b"}, {Path: "/home/util1/c"}}
	sums := map[string]string{"/home/util1/a b": digest([]byte("x")), "/home/util1/c": digest(nil)}
	if diff := cmp.Diff(sums, parseRecord(recordText(files, sums))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBundleNamesDescriptorsInOrder(t *testing.T) {
	var b bundle
	b.add(broker.DescriptorBroker, nil)
	b.add("smtp", nil)
	if got, want := b.env(), "MAILLAB_LISTENERS=broker:3,smtp:4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestListenersFollowTheServices(t *testing.T) {
	ownNetwork(t)
	ls := listeners{}
	defer ls.closeAll()
	if err := ls.adjust(&spec.Sandbox{Services: spec.Services{SMTP: &spec.SMTP{}, SSH: &spec.SSH{}}}); err != nil {
		t.Fatal(err)
	}
	if ls["smtp"] == nil || ls["ssh"] == nil || ls["pop3"] != nil {
		t.Errorf("open: %v", ls)
	}
	before := ls["ssh"]
	if err := ls.adjust(&spec.Sandbox{Services: spec.Services{POP3: &spec.POP3{}, SSH: &spec.SSH{}}}); err != nil {
		t.Fatal(err)
	}
	if ls["smtp"] != nil || ls["pop3"] == nil || ls["ssh"] != before {
		t.Errorf("open: %v", ls)
	}
}

// ownNetwork gives the test a network namespace of its own, so that it takes no port of the machine's.
func ownNetwork(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("no network namespace for the test: ", err)
	}
}
