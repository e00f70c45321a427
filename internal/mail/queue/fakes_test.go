package queue

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/internal/mail"
	"maillab/internal/spec"
)

// spool is a Mailboxes in memory, written as a mailbox file would be.
type spool struct {
	mu    sync.Mutex
	boxes map[string]string
	fail  map[string]error // by user
}

func (s *spool) Deliver(ctx context.Context, ds []mail.Delivery) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(ds))
	for i, d := range ds {
		if errs[i] = s.fail[d.User]; errs[i] != nil {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "From %s  %s\n", d.Sender, d.At.UTC().Format(time.ANSIC))
		for line := range bytes.Lines(append(bytes.Clone(d.Head), d.Body...)) {
			if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
				b.WriteByte('>')
			}
			b.Write(line)
		}
		b.WriteByte('\n')
		s.boxes[d.User] += b.String()
	}
	return errs
}

func (s *spool) read(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.boxes[user]
}

// people are util1 to util19, and their .forward files.
type people struct{ forward map[string]string }

func (p people) Lookup(name string) (Account, bool) {
	for i := 1; i <= 19; i++ {
		if name == fmt.Sprintf("util%d", i) {
			return Account{Name: name, UID: 1000 + i}, true
		}
	}
	return Account{}, false
}

func (p people) LookupUID(uid int) (Account, bool) { return p.Lookup(fmt.Sprintf("util%d", uid-1000)) }

func (p people) Forward(_ context.Context, name string) ([]byte, error) {
	return []byte(p.forward[name]), nil
}

// journalLog is a Log that keeps its lines as mail.log would have them, without time and process number.
type journalLog struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

func (l *journalLog) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
	if l.more != nil {
		close(l.more)
	}
	l.more = make(chan struct{})
}

// wait returns when a line holds all of some texts, and the line.
func (l *journalLog) wait(t *testing.T, texts ...string) (found string) {
	t.Helper()
	l.waitFor(t, fmt.Sprintf("a line with %q", texts), func(text string) bool {
		for found = range strings.SplitSeq(text, "\n") {
			if containsAll(found, texts) {
				return true
			}
		}
		return false
	})
	return found
}

// waitFor returns when the log is as it is wanted.
func (l *journalLog) waitFor(t *testing.T, what string, is func(text string) bool) {
	t.Helper()
	limit := time.After(20 * time.Second) // only bounds a broken queue
	for {
		l.mu.Lock()
		if l.more == nil {
			l.more = make(chan struct{})
		}
		more, lines := l.more, l.lines
		l.mu.Unlock()
		text := strings.Join(lines, "\n")
		if is(text) {
			return
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("waited in vain: %s, in\n%s", what, text)
		}
	}
}

func containsAll(line string, texts []string) bool {
	for _, s := range texts {
		if !strings.Contains(line, s) {
			return false
		}
	}
	return true
}

func (l *journalLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func (l *journalLog) MessageID(id, m string) { l.add("cleanup: %s: message-id=%s", id, m) }
func (l *journalLog) Active(id, sender string, size int64, n int) {
	l.add("qmgr: %s: from=<%s>, size=%d, nrcpt=%d (queue active)", id, sender, size, n)
}
func (l *journalLog) Removed(id string) { l.add("qmgr: %s: removed", id) }
func (l *journalLog) Expired(id, sender string) {
	l.add("qmgr: %s: from=<%s>, status=expired, returned to sender", id, sender)
}
func (l *journalLog) Status(process, id string, s mail.Status) {
	orig := ""
	if s.OrigTo != "" {
		orig = " orig_to=<" + s.OrigTo + ">,"
	}
	l.add("%s: %s: to=<%s>,%s relay=%s, dsn=%s, status=%s (%s)", process, id, s.To, orig, s.Relay, s.DSN, s.State, s.Text)
}
func (l *journalLog) Notification(id, kind, notice string) {
	l.add("bounce: %s: %s notification: %s", id, kind, notice)
}
func (l *journalLog) Pickup(id string, uid int, sender string) {
	l.add("pickup: %s: uid=%d from=<%s>", id, uid, sender)
}
func (l *journalLog) Note(process, text string) { l.add("%s: %s", process, text) }

// clock is a time that only a test moves.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []timer
}

type timer struct {
	at time.Time
	c  chan time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 20, 25, 29, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := timer{c.now.Add(d), make(chan time.Time, 1)}
	if d <= 0 {
		t.c <- c.now
	} else {
		c.timers = append(c.timers, t)
	}
	return t.c
}

// forward moves the clock and fires what is due.
func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	left := c.timers[:0]
	for _, t := range c.timers {
		if t.at.After(c.now) {
			left = append(left, t)
		} else {
			t.c <- c.now
		}
	}
	c.timers = left
}

// bench is a queue with all its fakes.
type bench struct {
	*Queue
	spool *spool
	log   *journalLog
	clock *clock
	cfg   Config
}

// newBench makes a queue for the first seed's lab; change may alter its configuration.
func newBench(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	b := &bench{
		spool: &spool{boxes: map[string]string{}, fail: map[string]error{}},
		log:   &journalLog{},
		clock: newClock(),
	}
	b.cfg = Config{
		Dir: t.TempDir(), Hostname: "test6isri.local.isri.fr", Domain: "local.isri.fr",
		Locals:    []string{"local.isri.fr", "test6isri.local.isri.fr", "localhost", "u-picardie.fr"},
		Aliases:   map[string]string{"president": "util2"},
		Outside:   []spec.Outside{{Domain: "example.com", MX: "mx.{domain}", Address: "192.0.2.25"}},
		Mailboxes: b.spool, Accounts: people{}, Log: b.log, Now: b.clock.Now, After: b.clock.After,
	}
	if change != nil {
		change(&b.cfg)
	}
	b.open(t)
	return b
}

// open opens the queue anew, as after a restart.
func (b *bench) open(t *testing.T) {
	t.Helper()
	q, err := New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Queue = q
}

// run runs the queue until the test ends, or stop is called.
func (b *bench) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Run(ctx)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

// envelope is one from a client at 172.17.0.1.
func (b *bench) envelope(sender string, rcpts ...string) *mail.Envelope {
	env := &mail.Envelope{ID: b.NewID(), ClientName: "unknown", ClientAddr: "172.17.0.1", Helo: "pv", Protocol: "SMTP",
		Sender: mail.Address{Full: sender}, Arrived: b.clock.Now()}
	for _, r := range rcpts {
		env.Recipients = append(env.Recipients, mail.Recipient{Address: mail.Address{Typed: r}})
	}
	return env
}

// send gives the queue a message from such a client.
func (b *bench) send(t *testing.T, body, sender string, rcpts ...string) string {
	t.Helper()
	env := b.envelope(sender, rcpts...)
	if err := b.Accept(t.Context(), env, strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	return env.Name()
}
