//go:build linux

package mailproof

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/sys/unix"
)

// A long run is MAILLAB_TORTURE=5m for each kind of torture; MAILLAB_TORTURE_SEED repeats its choices.
const (
	tortureTime = "MAILLAB_TORTURE"
	tortureSeed = "MAILLAB_TORTURE_SEED"
)

// torture is one way of being unkind to a daemon, besides killing it.
type torture struct {
	name    string
	prepare func(t *testing.T, s *settings)
	// harass does something once, to a daemon that may be dead.
	harass func(d *daemon, rnd *rand.Rand)
	relent func(d *daemon)
	mail   bool // mail opens, reads and saves all the time
}

func tortures() []torture {
	var full string             // the small file system
	leave := func(free int64) { // beside what is there: a long run fills any file system
		var fs unix.Statfs_t
		if unix.Statfs(full, &fs) == nil {
			size := int64(fs.Blocks-fs.Bfree)*fs.Bsize + free
			_ = unix.Mount("", full, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", size))
		}
	}
	return []torture{
		{name: "kill"},
		{name: "full disk",
			prepare: func(t *testing.T, s *settings) {
				full = t.TempDir()
				if err := unix.Mount("tmpfs", full, "tmpfs", 0, "size=64m"); err != nil {
					t.Skipf("cannot mount a small tmpfs: %v", err)
				}
				t.Cleanup(func() {
					if err := unix.Unmount(full, 0); err != nil {
						t.Error(err)
					}
				})
				s.Dir = full
			},
			harass: func(_ *daemon, rnd *rand.Rand) {
				if rnd.IntN(2) == 0 {
					leave(64 << 20)
				} else {
					leave(rnd.Int64N(256 << 10)) // almost nothing is left
				}
			},
			relent: func(*daemon) { leave(64 << 20) },
		},
		{name: "file size limit",
			harass: func(d *daemon, rnd *rand.Rand) {
				limit := uint64(64<<10 + rnd.IntN(300<<10))
				if rnd.IntN(2) == 0 {
					limit = unix.RLIM_INFINITY
				}
				d.limit(limit)
			},
			relent: func(d *daemon) { d.limit(unix.RLIM_INFINITY) },
		},
		{name: "faulty files", prepare: func(_ *testing.T, s *settings) { s.Faulty = 1 }},
		{name: "mail", mail: true},
	}
}

// limit sets how big a file the daemon may write.
func (d *daemon) limit(octets uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		_ = unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: octets, Max: unix.RLIM_INFINITY}, nil)
	}
}

// TestTorture kills a daemon at random moments under load, again and again, and then accounts for every message.
func TestTorture(t *testing.T) {
	length := 3 * time.Second
	if long, err := time.ParseDuration(os.Getenv(tortureTime)); err == nil {
		length = long
	} else if testing.Short() {
		length = time.Second
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(tortureSeed); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", tortureSeed, seed)
	for _, kind := range tortures() {
		t.Run(kind.name, func(t *testing.T) {
			slice := length
			if kind.mail {
				slice = mailSlice
			}
			for left, seed := length, seed; left > 0; left, seed = left-slice, seed+1 {
				kind.run(t, min(left, slice), seed)
			}
		})
	}
}

// mailSlice is how long one daemon is tortured with mail: a mailbox in which mail crashed is not judged, and in a long run
// it does sooner or later.
const mailSlice = 10 * time.Second

func (k torture) run(t *testing.T, length time.Duration, seed uint64) {
	s := settings{}
	if k.prepare != nil {
		k.prepare(t, &s)
	}
	d := newDaemon(t, s)
	d.forward(forwarder, forwarded+"\n")
	l := newLedger()
	var readers []*mailUser
	if k.mail {
		for i, uid := range []uint32{0, 65534} {
			m, missing := newMailUser(t, d, fmt.Sprintf("util%d", i+1), uid)
			if missing != "" {
				t.Skip(missing)
			}
			readers = append(readers, m)
		}
	}
	d.start()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var load sync.WaitGroup
	acked := k.load(ctx, t, d, l, readers, seed, &load)
	kills := k.kill(ctx, d, rand.New(rand.NewPCG(seed, 1)))
	if k.relent != nil {
		k.relent(d)
	}
	load.Wait()
	d.awaitQueue()
	d.kill()
	d.settings.Faulty = 0
	d.start()
	d.awaitQueue()
	if err := openReturned(d.addr("imap"), l); err != nil {
		t.Error(err)
	}
	for _, r := range readers {
		if n := r.crashed.Load(); n > 0 {
			t.Logf("mail crashed %d times while it saved: %s is not judged", n, r.path)
		}
	}
	a := l.account(t, d, readers, k.harass != nil || k.mail || s.Faulty != 0)
	t.Logf("kills %d, messages acknowledged %d; copies deleted %d, sent back %d, left %d, lost %d, torn %d, twice %d, again after an unanswered try %d",
		kills, *acked, a.gone, a.bounced, a.left, a.lost, a.torn, a.twice, a.again)
	if a.again > 20*kills { // what six clients and four attempts may have had in their hands, each for three users
		t.Errorf("%d messages are there again after %d kills", a.again, kills)
	}
	if *acked == 0 || kills == 0 {
		t.Errorf("nothing was proven: %d messages, %d kills", *acked, kills)
	}
}

// load starts senders and readers; how many messages were acknowledged is known when all have ended.
func (k torture) load(ctx context.Context, t *testing.T, d *daemon, l *ledger, readers []*mailUser, seed uint64, wg *sync.WaitGroup) *int {
	users := []string{"util1", "util2", "util3", "util4", forwarder}
	var mu sync.Mutex
	acked := new(int)
	for i := range 6 {
		s := newSender(fmt.Sprintf("s%d", i), d.addr("smtp"), l, seed+uint64(i))
		wg.Go(func() {
			n, err := s.run(ctx, users)
			mu.Lock()
			defer mu.Unlock()
			*acked += n
			if err != nil {
				t.Error(err)
			}
		})
	}
	for i, user := range []string{"util1", "util2", "util3"} {
		addr := d.addr("imap")
		if len(readers) > i { // mail moves the messages: see account
			continue
		}
		forever(ctx, wg, func() { _ = tidy(ctx, addr, user, l) })
	}
	forever(ctx, wg, func() { _ = openReturned(d.addr("imap"), l) })
	pop3 := d.addr("pop3")
	forever(ctx, wg, func() { _ = collect(ctx, pop3, "util4", l) })
	for i, r := range readers {
		imap, user := d.addr("imap"), fmt.Sprintf("util%d", i+1)
		forever(ctx, wg, func() { r.use("p 1\np 2\nd 3\nu 3\nq\n") })
		forever(ctx, wg, func() {
			if c, data, err := imapSession(imap, user, nil); err == nil { // reads while mail rewrites
				if data.NumMessages > 0 {
					_, _, _ = subjects(c, everything())
				}
				c.Close()
			}
		})
	}
	return acked
}

// kill kills the daemon at random moments and starts it again until ctx ends. Then it runs.
func (k torture) kill(ctx context.Context, d *daemon, rnd *rand.Rand) (kills int) {
	for ctx.Err() == nil {
		for range 1 + rnd.IntN(4) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(10+rnd.IntN(150)) * time.Millisecond):
			}
			if k.harass != nil {
				k.harass(d, rnd)
			}
		}
		d.kill()
		kills++
		if k.relent != nil && rnd.IntN(2) == 0 {
			k.relent(d)
		}
		if k.relent != nil && ctx.Err() != nil {
			k.relent(d)
		}
		d.start()
	}
	return kills
}

// awaitQueue waits until nothing is left to be tried.
func (d *daemon) awaitQueue() {
	d.t.Helper()
	dir := filepath.Join(d.settings.Dir, "state", "queue")
	within(d.t, "the queue is empty", func() bool {
		d.flush()
		entries, err := os.ReadDir(dir)
		if err != nil {
			return false
		}
		for _, e := range entries {
			if e.Type().IsRegular() {
				return false
			}
		}
		return true
	})
	if torn, _ := os.ReadDir(filepath.Join(dir, "corrupt")); len(torn) > 0 {
		d.t.Errorf("%d torn queue files", len(torn))
	}
}

// flush has everything in the queue tried now.
func (d *daemon) flush() {
	if c, err := dial(d.addr("smtp")); err == nil {
		defer c.Close()
		_, _ = c.in.ReadString('\n')
		_, _ = c.say("EHLO x", "250 ")
		_, _ = c.say("ETRN local.isri.fr", "")
	}
}

// account is the sum of what a daemon did.
type account struct{ gone, bounced, left, lost, torn, twice, again int }

// account finds each message that was promised: once in its mailbox, or gone because somebody took it away. Where mailboxes
// may be out of order, mail may have to wait in the queue: a crash between a delivery and the note of it repeats it.
//
// A mailbox in which mail crashed is not judged. mailutils 3.15 does now and then, when the lock was not free at its first
// try and mail came until the second: a SIGSEGV in the middle of its rewriting.
func (l *ledger) account(t *testing.T, d *daemon, readers []*mailUser, mayQueue bool) (a account) {
	t.Helper()
	found, spoiled := l.found, map[string]bool{}
	for i, r := range readers {
		spoiled[fmt.Sprintf("util%d", i+1)] = r.crashed.Load() > 0
		for _, id := range r.moved() {
			l.away(fmt.Sprintf("util%d", i+1), id)
		}
	}
	for n := range accounts - 1 { // the writer's mailbox holds reports only
		user := fmt.Sprintf("util%d", n+1)
		if !spoiled[user] {
			a.torn += l.read(t, d, user, found)
		}
	}
	for entry, f := range l.known {
		if user, _, _ := strings.Cut(entry, " "); spoiled[user] {
			continue
		}
		times := found[entry]
		a.left += times
		switch {
		case f.gone:
			a.gone++
		case f.bounced:
			a.bounced++
		case f.acked && times == 0:
			a.lost++
			t.Errorf("lost: %s %+v", entry, *f)
		}
		switch {
		case times > f.offered && !f.queued && !mayQueue:
			a.twice++
			t.Errorf("%s was sent %d times and is there %d times", entry, f.offered, times)
		case times > 1:
			a.again += times - 1
		}
	}
	return a
}

// read looks at a mailbox through IMAP, and at its file.
func (l *ledger) read(t *testing.T, d *daemon, user string, found map[string]int) (torn int) {
	t.Helper()
	c, data, err := imapSession(d.addr("imap"), user, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if data.NumMessages > 0 {
		section := &imap.FetchItemBodySection{Peek: true}
		messages, err := c.Fetch(everything(), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		if err != nil {
			t.Fatal(err)
		}
		last := imap.UID(0)
		for _, m := range messages {
			text := string(m.FindBodySection(section))
			id := subjectOf(text)
			found[user+" "+id]++
			if m.UID <= last || !strings.HasSuffix(text, "\r\nend of "+id+"\r\n") || !strings.HasPrefix(text, "Return-Path: <") {
				torn++
				t.Errorf("torn: UID %d after %d of %s: %q … %q", m.UID, last, user, text[:min(len(text), 200)], text[max(0, len(text)-60):])
			}
			last = m.UID
		}
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
	return torn + tornFile(t, d.spool(user))
}

// tornFile reads a mailbox as any program would: messages begin with a From_ line, at the beginning or after an empty
// line, and end with their last line.
func tornFile(t *testing.T, path string) (torn int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) || err == nil && len(text) == 0 {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte("From ")) || !bytes.HasSuffix(text, []byte("\n\n")) {
		t.Errorf("%s: begins with %q and ends with %q", path, text[:min(40, len(text))], text[max(0, len(text)-40):])
		torn++
	}
	for _, m := range bytes.Split(text[len("From "):], []byte("\n\nFrom ")) {
		id := subjectOf(string(m))
		if !bytes.HasSuffix(bytes.TrimRight(m, "\n"), []byte("\nend of "+id)) {
			torn++
			t.Errorf("%s: %.80q … %q", path, m, m[max(0, len(m)-60):])
		}
	}
	return torn
}
