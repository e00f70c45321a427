package log

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/internal/mail"

	"github.com/google/go-cmp/cmp"
)

// clock is a time that the test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// open opens a log in a new directory.
func open(t *testing.T, cfg Config) (*Log, string) {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "mail.log")
	}
	if cfg.Host == "" {
		cfg.Host = "test6isri.local.isri.fr"
	}
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, cfg.Path
}

// flush waits until all is written.
func flush(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// read returns a file.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// event is a form of line and the method that writes it.
type event struct {
	form *regexp.Regexp
	call func(l *Log, m []string)
}

// postfixEvents are the forms of a real Postfix's log. What a form cuts out of the line is what the method is called with.
func postfixEvents() []event {
	on := func(form string, call func(l *Log, m []string)) event {
		return event{regexp.MustCompile("^" + form + "$"), call}
	}
	skip := func(*Log, []string) {}
	return []event{
		on(`postfix/postfix-script\[\d+\]: starting the Postfix mail system`, skip), // Started writes two lines
		on(`postfix/master\[\d+\]: daemon started -- version (\S+), .*`, func(l *Log, m []string) { l.Started(m[1]) }),
		on(`postfix/smtpd\[\d+\]: connect from (\S+)`, func(l *Log, m []string) { smtpdOf(l, m[1]).Connect() }),
		on(`postfix/smtpd\[\d+\]: disconnect from (\S+) (.*)`, func(l *Log, m []string) { smtpdOf(l, m[1]).Disconnect(m[2]) }),
		on(`postfix/smtpd\[\d+\]: ([0-9A-F]+): client=([^,]+)(?:, sasl_method=(\S+), sasl_username=(\S+))?`,
			func(l *Log, m []string) { smtpdOf(l, m[2]).Client(m[1], m[3], m[4], "") }),
		on(`postfix/smtpd\[\d+\]: (\w+): reject: (\w+) from (\S+): (.*); (.*)`, func(l *Log, m []string) {
			smtpdOf(l, m[3]).Reject(strings.TrimPrefix(m[1], "NOQUEUE"), m[2], m[4], m[5])
		}),
		on(`postfix/smtpd\[\d+\]: warning: (.*)`, func(l *Log, m []string) { smtpdOf(l, "").Warning(m[1]) }),
		on(`postfix/smtpd\[\d+\]: (too many errors|lost connection|timeout) after (.*) from (\S+)`,
			func(l *Log, m []string) { smtpdOf(l, m[3]).Cut(m[1], m[2]) }),
		on(`postfix/smtpd\[\d+\]: improper command pipelining after (\w+) from (\S+): (.*)`,
			func(l *Log, m []string) { smtpdOf(l, m[2]).Pipelining(m[1], m[3]) }),
		on(`postfix/cleanup\[\d+\]: (\w+): message-id=(.*)`, func(l *Log, m []string) { l.Queue().MessageID(m[1], m[2]) }),
		on(`postfix/qmgr\[\d+\]: (\w+): from=<(.*)>, size=(\d+), nrcpt=(\d+) \(queue active\)`, func(l *Log, m []string) {
			size, _ := strconv.ParseInt(m[3], 10, 64)
			n, _ := strconv.Atoi(m[4])
			l.Queue().Active(m[1], m[2], size, n)
		}),
		on(`postfix/qmgr\[\d+\]: (\w+): removed`, func(l *Log, m []string) { l.Queue().Removed(m[1]) }),
		on(`postfix/qmgr\[\d+\]: (\w+): from=<(.*)>, status=expired, returned to sender`,
			func(l *Log, m []string) { l.Queue().Expired(m[1], m[2]) }),
		on(`postfix/(local|smtp|error)\[\d+\]: (\w+): to=<(.*?)>,(?: orig_to=<(.*)>,)? relay=(.*), delay=(.*), `+
			`delays=(.*)/(.*)/(.*)/(.*), dsn=(.*), status=(\w+) \((.*)\)`, func(l *Log, m []string) {
			l.Queue().Status(m[1], m[2], mail.Status{To: m[3], OrigTo: m[4], Relay: m[5], Total: parse(m[6]),
				Delays: mail.Delays{Before: parse(m[7]), InQueue: parse(m[8]), Connect: parse(m[9]), Transmit: parse(m[10])}, DSN: m[11], State: m[12], Text: m[13]})
		}),
		on(`postfix/bounce\[\d+\]: (\w+): (.*) notification: (\w+)`,
			func(l *Log, m []string) { l.Queue().Notification(m[1], m[2], m[3]) }),
		on(`postfix/(smtp)\[\d+\]: (connect to .*)`, func(l *Log, m []string) { l.Queue().Note(m[1], m[2]) }),
		on(`postfix/pickup\[\d+\]: (\w+): uid=(\d+) from=<(.*)>`, func(l *Log, m []string) {
			uid, _ := strconv.Atoi(m[2])
			l.Queue().Pickup(m[1], uid, m[3])
		}),
	}
}

// smtpdOf is the process of a client whose name is known from the log alone.
func smtpdOf(l *Log, client string) *SMTPD {
	return &SMTPD{l: l, client: client, process: postfix("smtpd"), number: int(l.smtpds.take())}
}

// parse reads a log's seconds.
func parse(seconds string) time.Duration {
	d, err := time.ParseDuration(seconds + "s")
	if err != nil {
		panic(err) // the pattern lets only numbers through
	}
	return d
}

// TestForms writes the events of real logs with the methods, and wants the same logs.
func TestForms(t *testing.T) {
	for _, file := range []string{"testdata/postfix.log", "testdata/postfix-more.log"} {
		t.Run(file, func(t *testing.T) {
			want := read(t, file)
			now := &clock{}
			l, path := open(t, Config{Now: now.Now})
			for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
				stamp, rest := line[:len(time.Stamp)], strings.TrimPrefix(line[len(time.Stamp):], " test6isri ")
				at, err := time.Parse(time.Stamp, stamp)
				if err != nil {
					t.Fatal(err)
				}
				now.set(at)
				replay(t, l, rest)
			}
			flush(t, l)
			if diff := cmp.Diff(numbers(want), numbers(read(t, path))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// replay calls the method whose form the line has.
func replay(t *testing.T, l *Log, line string) {
	t.Helper()
	for _, e := range postfixEvents() {
		if m := e.form.FindStringSubmatch(line); m != nil {
			e.call(l, m)
			return
		}
	}
	t.Errorf("no event has this form: %q", line)
}

// numbers replaces process numbers.
func numbers(text string) string {
	return regexp.MustCompile(`(postfix/[\w-]+)\[\d+\]`).ReplaceAllString(text, "$1[n]")
}

// TestSeconds holds Postfix's number format against its own test cases.
func TestSeconds(t *testing.T) {
	for in, want := range map[time.Duration]string{
		0:                        "0",
		-time.Second:             "0",
		4 * time.Millisecond:     "0",
		5 * time.Millisecond:     "0.01",
		14 * time.Millisecond:    "0.01",
		111 * time.Millisecond:   "0.11",
		500 * time.Millisecond:   "0.5",
		996 * time.Millisecond:   "1",
		1110 * time.Millisecond:  "1.1",
		2 * time.Second:          "2",
		9960 * time.Millisecond:  "10",
		11100 * time.Millisecond: "11",
		99600 * time.Millisecond: "100",
		1110 * time.Second:       "1110",
	} {
		if got := seconds(in); got != want {
			t.Errorf("%v: got %q, want %q", in, got, want)
		}
	}
}

// TestZone writes the lab's time.
func TestZone(t *testing.T) {
	l, path := open(t, Config{Zone: time.FixedZone("CET", 3600), Host: "srv",
		Now: func() time.Time { return time.Date(2026, 11, 2, 23, 30, 0, 0, time.UTC) }})
	smtpdOf(l, "localhost[127.0.0.1]").Connect()
	flush(t, l)
	if got, want := read(t, path), "Nov  3 00:30:00 srv postfix/smtpd[105]: connect from localhost[127.0.0.1]\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRotation renames, removes and truncates the file between events.
func TestRotation(t *testing.T) {
	l, path := open(t, Config{})
	say := func(text string) {
		smtpdOf(l, "").Warning(text)
		flush(t, l)
	}
	say("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	say("two")
	wantLines(t, path+".1", "one")
	wantLines(t, path, "two")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	say("three")
	wantLines(t, path, "three")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	say("four")
	wantLines(t, path, "four")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o644 {
		t.Errorf("the file has mode %v, want 0644", info.Mode())
	}
}

// wantLines wants the warnings in a file.
func wantLines(t *testing.T, path string, want ...string) {
	t.Helper()
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(read(t, path)), "\n") {
		_, text, _ := strings.Cut(line, "warning: ")
		got = append(got, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", filepath.Base(path), diff)
	}
}

// TestDiskGone loses the directory under the log: nothing blocks, what waits is bounded, and what was dropped is said.
func TestDiskGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, path := open(t, Config{Path: filepath.Join(dir, "mail.log"), Buffer: 1000})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		smtpdOf(l, "").Warning(fmt.Sprintf("line %02d", i))
		flush(t, l)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	flush(t, l)
	smtpdOf(l, "").Warning("back")
	flush(t, l)
	lines := strings.Split(strings.TrimSpace(read(t, path)), "\n")
	kept := len(lines) - 2
	if kept < 5 || kept > 20 || !strings.HasSuffix(lines[0], "line 00") {
		t.Errorf("kept %d lines, the first %q", kept, lines[0])
	}
	if want := fmt.Sprintf("warning: %d lines of this log are lost", 100-kept); !strings.HasSuffix(lines[kept], want) {
		t.Errorf("got %q, want %q", lines[kept], want)
	}
	if !strings.HasSuffix(lines[kept+1], "back") {
		t.Errorf("the last line is %q", lines[kept+1])
	}
}

// TestOneLine keeps an event with control characters on its line.
func TestOneLine(t *testing.T) {
	l, path := open(t, Config{})
	smtpdOf(l, "").Warning("a\r\nNov 21 20:25:28 test6isri postfix/local[110]: forged\x1b[2J")
	flush(t, l)
	if got := read(t, path); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\r\x1b") {
		t.Errorf("got %q", got)
	}
}

// TestManyWriters loses nothing and mixes nothing.
func TestManyWriters(t *testing.T) {
	l, path := open(t, Config{Buffer: 10 << 20})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				l.Queue().Removed(fmt.Sprintf("%d-%d", w, i))
			}
		})
	}
	wg.Wait()
	flush(t, l)
	next := make([]int, 8)
	for _, line := range strings.Split(strings.TrimSpace(read(t, path)), "\n") {
		var w, i int
		_, text, _ := strings.Cut(line, "postfix/qmgr[100]: ")
		if _, err := fmt.Sscanf(text, "%d-%d: removed", &w, &i); err != nil || i != next[w] {
			t.Fatalf("unexpected line %q", line)
		}
		next[w]++
	}
	for w, n := range next {
		if n != 200 {
			t.Errorf("writer %d: %d of 200 lines", w, n)
		}
	}
}

// TestTooLong: a log that is too long is mail.log.1, and who asks is told how long it was. No line is lost, and only one
// file is kept.
func TestTooLong(t *testing.T) {
	var sizes []int64
	l, path := open(t, Config{Most: 100, Moved: func(size int64) { sizes = append(sizes, size) }})
	say := func(text string) {
		l.line("maillab", text)
		flush(t, l)
	}
	long := strings.Repeat("x", 100)
	say("one " + long)
	say("two " + long)
	say("three")
	say("four")
	now, before := read(t, path), read(t, path+Before)
	if !strings.Contains(before, "two") || strings.Contains(before, "one") || strings.Count(now, "\n") != 2 {
		t.Errorf("mail.log.1:\n%smail.log:\n%s", before, now)
	}
	if len(sizes) != 2 || sizes[1] != int64(len(before)) {
		t.Errorf("told of %d octets, mail.log.1 has %d", sizes, len(before))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestWrote: who reads the log is told once of what was written together, and not when nothing was.
func TestWrote(t *testing.T) {
	l, path := open(t, Config{})
	l.Queue().Removed("4bX")
	<-l.Wrote()
	if text := read(t, path); !strings.Contains(text, "4bX: removed") {
		t.Errorf("told before it was written: %q", text)
	}
	flush(t, l)
	select {
	case <-l.Wrote():
		t.Error("told of nothing")
	default:
	}
}
