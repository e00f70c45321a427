package dialogue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// desk is a store with a clock and timers that the test moves.
type desk struct {
	*Store
	dir    string
	mu     sync.Mutex // of the clock
	now    time.Time
	timers []func()
}

func newDesk(t testing.TB, cfg Config) *desk {
	t.Helper()
	d := &desk{dir: filepath.Join(t.TempDir(), "dialogues"), now: time.Date(2026, 3, 26, 11, 9, 5, 123e6, time.UTC)}
	d.open(t, cfg)
	return d
}

func (d *desk) open(t testing.TB, cfg Config) {
	t.Helper()
	cfg.Dir = d.dir
	cfg.Now = func() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now }
	cfg.AfterFunc = func(_ time.Duration, f func()) { d.mu.Lock(); defer d.mu.Unlock(); d.timers = append(d.timers, f) }
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Store = s
	t.Cleanup(s.Close)
}

func (d *desk) pass(after time.Duration) { d.mu.Lock(); defer d.mu.Unlock(); d.now = d.now.Add(after) }

// ring lets all timers ring.
func (d *desk) ring() {
	d.mu.Lock()
	timers := d.timers
	d.timers = nil
	d.mu.Unlock()
	for _, f := range timers {
		f()
	}
}

func (d *desk) onDisk(t testing.TB) []string {
	t.Helper()
	list, err := os.ReadDir(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		names = append(names, f.Name())
	}
	return names
}

// say records a connection with one command.
func (d *desk) say(service, account, command string, epoch int) string {
	d.pass(time.Second)
	r := d.Begin(service, "p", "", epoch)
	r.Account(account)
	r.Client(command)
	r.Close()
	return r.ID()
}

func (d *desk) ids(f Filter) []string {
	var ids []string
	for _, h := range d.List(f) {
		ids = append(ids, h.ID)
	}
	return ids
}

func TestOldestGoesFirst(t *testing.T) {
	for _, bound := range []Config{{MaxCount: 64}, {MaxTotal: 64 * 190}} {
		d := newDesk(t, bound)
		open := d.Begin("imap", "p", "", 1)
		open.Account("util1")
		open.Client("a noop")
		d.ring()
		var ids []string
		for i := range 200 {
			ids = append(ids, d.say("smtp", "util1", fmt.Sprint("helo ", i), 1))
		}
		got := d.ids(Filter{})
		if n := len(got); n < 45 || n > 64 {
			t.Errorf("%+v: %d dialogues kept", bound, n)
		}
		if diff := cmp.Diff(ids[len(ids)-len(got):], got); diff != "" {
			t.Errorf("%+v: not the youngest: %s", bound, diff)
		}
		if n := d.octets(t); n != d.Store.ring.Size() || bound.MaxTotal > 0 && n > bound.MaxTotal {
			t.Errorf("%+v: %d octets, counted %d", bound, n, d.Store.ring.Size())
		}
		if _, err := d.Read(ids[0]); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		// What is still open has lost its beginning, and says so.
		open.Client("a logout")
		open.Close()
		if late, err := d.Read(open.ID()); err != nil || !late.Cut || len(late.Commands()) != 1 {
			t.Errorf("%+v: %+v, %v", bound, late, err)
		}
		d.open(t, Config{MaxCount: 20})
		if n := len(d.ids(Filter{})); n > 20 || n < 1 {
			t.Errorf("%+v: %d after it was opened with a smaller bound", bound, n)
		}
	}
}

func TestListAndReopen(t *testing.T) {
	d := newDesk(t, Config{})
	first := d.say("smtp", "util1", "helo", 1)
	second := d.say("imap", "util11", "a noop", 2)
	third := d.say("imap", "util1", "a noop", 2)
	for range 2 {
		for _, c := range []struct {
			f    Filter
			want []string
		}{
			{Filter{}, []string{first, second, third}},
			{Filter{Service: "imap"}, []string{second, third}},
			{Filter{Account: "util1"}, []string{first, third}},
			{Filter{Epoch: 2, Account: "util11"}, []string{second}},
			{Filter{Epoch: 3}, nil},
		} {
			if diff := cmp.Diff(c.want, d.ids(c.f)); diff != "" {
				t.Errorf("%+v: %s", c.f, diff)
			}
		}
		if got, err := d.Read(third); err != nil || len(got.Lines) != 1 || got.Cut || got.End.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
		for name, text := range map[string]string{"note": "", "00000007.jsonl": "garbage\n{\"v\":1,", "x.jsonl": headMark} {
			if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d.open(t, Config{})
	}
	if id := d.say("smtp", "", "helo", 1); !slices.Contains(d.onDisk(t), "00000008.jsonl") {
		t.Errorf("%s was written to a file of another run: %v", id, d.onDisk(t))
	}
	for _, id := range []string{"", "../store_test", "note", "00000001"} {
		if _, err := d.Read(id); !errors.Is(err, ErrNotFound) {
			t.Errorf("read %q: %v", id, err)
		}
	}
}

func TestClear(t *testing.T) {
	d := newDesk(t, Config{})
	d.say("smtp", "", "helo", 1)
	live := d.Begin("smtp", "p", "", 1)
	live.Client("helo")
	if err := d.Clear(); err != nil {
		t.Fatal(err)
	}
	if files := d.onDisk(t); len(files) != 0 || len(d.List(Filter{})) != 0 {
		t.Error(files)
	}
	live.Client("mail")
	live.Close()
	if got, err := d.Read(live.ID()); err != nil || !got.Cut || len(got.Lines) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLiveIsUpToDate(t *testing.T) {
	d := newDesk(t, Config{})
	r := d.Begin("imap", "p", "", 1)
	r.Client("a login util1 ********")
	if got := d.List(Filter{}); len(got) != 1 || len(got[0].Accounts) != 0 {
		t.Fatalf("%+v", got)
	}
	r.Account("util1")
	r.Close()
	got := d.List(Filter{Account: "util1"})
	if len(got) != 1 || got[0].End.IsZero() {
		t.Fatalf("%+v", got)
	}
	got[0].Accounts[0] = "other"
	if again := d.List(Filter{Account: "util1"}); len(again) != 1 {
		t.Error("what is remembered can be changed from outside")
	}
}

// TestDiskFails: no error reaches the session, and what comes later is recorded again.
func TestDiskFails(t *testing.T) {
	d := newDesk(t, Config{})
	lost := d.Begin("smtp", "p", "", 1)
	lost.Client("helo")
	if err := os.Rename(d.dir, d.dir+".gone"); err != nil {
		t.Fatal(err)
	}
	d.ring()
	if err := os.Rename(d.dir+".gone", d.dir); err != nil {
		t.Fatal(err)
	}
	lost.Client("mail")
	lost.Close()
	if got, err := d.Read(lost.ID()); err != nil || !got.Cut || len(got.Lines) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestAFloodPushesNobodyOut: who comes without a login, from wherever, leaves the dialogues of accounts alone, and those in
// which mail was sent; of a flood in an account's name only that account has less; and so it is after a restart.
func TestAFloodPushesNobodyOut(t *testing.T) {
	for name, flood := range map[string]func(d *desk, i int){
		"one address": func(d *desk, i int) { d.talk("192.0.2.9:1", "", "", "helo x") },
		"many":        func(d *desk, i int) { d.talk(fmt.Sprintf("192.0.2.%d:1", i%256), "", "", "helo x") },
		"the same":    func(d *desk, i int) { d.talk("127.0.0.1:7", "", "", "helo x") },
		"an account":  func(d *desk, i int) { d.talk("127.0.0.1:7", "", "util9", "helo x") },
		"inside":      func(d *desk, i int) { d.talk("127.0.0.1:7", "util9", "", "helo x") },
	} {
		d := newDesk(t, Config{MaxTotal: 64 << 10, MaxCount: 400})
		var class []string
		for i := range 10 {
			user := fmt.Sprint("util", i%3)
			class = append(class, d.talk("127.0.0.1:5", "", user, "a noop"), d.talk("127.0.0.1:6", "", "", "helo pv", "MAIL FROM:<"+user+">"),
				d.talk("127.0.0.1:6", user, "", "helo pv"))
		}
		for i := range 2000 {
			flood(d, i)
		}
		for range 2 {
			for _, id := range class {
				if got, err := d.Read(id); err != nil || got.Cut || len(got.Lines) == 0 {
					t.Errorf("%s: %+v, %v", name, got, err)
				}
			}
			if n := d.octets(t); n > 64<<10 {
				t.Errorf("%s: %d octets", name, n)
			}
			d.Close()
			d.open(t, Config{MaxTotal: 64 << 10, MaxCount: 400})
		}
	}
}

// talk records a connection.
func (d *desk) talk(peer, inside, account string, commands ...string) string {
	d.pass(time.Second)
	r := d.Begin("smtp", peer, inside, 1)
	r.Account(account)
	for _, c := range commands {
		r.Client(c)
	}
	r.Close()
	return r.ID()
}

func TestManyAtOnce(t *testing.T) {
	d := newDesk(t, Config{MaxCount: 32})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				r := d.Begin("smtp", fmt.Sprint(i), "", 1)
				r.Client("helo")
				r.Server("250")
				r.Close()
			}
		})
		wg.Go(func() {
			for range 10 {
				d.List(Filter{})
				d.ring()
			}
		})
	}
	wg.Wait()
	if n := len(d.List(Filter{})); n < 20 || n > 32 || d.octets(t) != d.Store.ring.Size() {
		t.Errorf("%d dialogues, %d octets, counted %d", n, d.octets(t), d.Store.ring.Size())
	}
}

func TestTornFile(t *testing.T) {
	d := newDesk(t, Config{})
	whole := d.say("smtp", "util1", "helo", 1)
	torn := d.say("smtp", "util1", "helo", 1)
	d.Flush()
	path := filepath.Join(d.dir, "00000001.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-8], 0o600); err != nil {
		t.Fatal(err)
	}
	d.open(t, Config{})
	if got, err := d.Read(whole); err != nil || got.Cut || len(got.Lines) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := d.Read(torn); err != nil || !got.Cut || len(got.Lines) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
