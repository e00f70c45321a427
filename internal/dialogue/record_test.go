package dialogue

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecord(t *testing.T) {
	d := newDesk(t, Config{})
	r := d.Begin("smtp", "127.0.0.1:40996", "", 2)
	r.Server("220 test6isri.local.isri.fr ESMTP")
	d.pass(2310 * time.Millisecond)
	r.Client("helo pv")
	r.Server("250 test6isri")
	d.pass(time.Second)
	r.Client("Subject: \xe9t\xe9, \xc3\xa9t\xc3\xa9")
	r.Client("")
	r.Data(120)
	r.Account("util1")
	r.Account("util1")
	d.pass(time.Second)
	r.Close()
	r.Client("after the end")
	r.Close()

	d.Flush()
	text, err := os.ReadFile(filepath.Join(d.dir, "00000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"id":"20260326T110905.123-000001-smtp","part":0,"service":"smtp","peer":"127.0.0.1:40996","start":"2026-03-26T11:09:05.123Z","epoch":2,"accounts":["util1"],"end":4310}
{"ms":0,"s":"220 test6isri.local.isri.fr ESMTP"}
{"ms":2310,"c":"helo pv"}
{"ms":2310,"s":"250 test6isri"}
{"ms":3310,"c":"Subject: été, été"}
{"ms":3310,"c":""}
{"ms":3310,"data":120}
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	got, err := d.Read(r.ID())
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 3, 26, 11, 9, 5, 123e6, time.UTC)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	if diff := cmp.Diff(Dialogue{
		ID: r.ID(), Service: "smtp", Peer: "127.0.0.1:40996", Accounts: []string{"util1"},
		Start: start, End: at(4310), Epoch: 2,
		Lines: []Line{
			{at(0), Server, Reply, "220 test6isri.local.isri.fr ESMTP", 0},
			{at(2310), Client, Command, "helo pv", 0},
			{at(2310), Server, Reply, "250 test6isri", 0},
			{at(3310), Client, Command, "Subject: été, été", 0},
			{at(3310), Client, Command, "", 0},
			{at(3310), Client, Data, "", 120},
		},
	}, got); diff != "" {
		t.Error(diff)
	}
	for path, mode := range map[string]os.FileMode{d.dir: 0o700, filepath.Join(d.dir, "00000001.jsonl"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestNilRecorder(t *testing.T) {
	var r *Recorder
	r.Client("x")
	r.Server("x")
	r.Data(1)
	r.Account("x")
	r.Close()
	if r.ID() != "" {
		t.Error(r.ID())
	}
}

// TestBuffered: lines wait for the timer, for a reader, or for there to be many; one timer is set for all that wait.
func TestBuffered(t *testing.T) {
	d := newDesk(t, Config{})
	r, other := d.Begin("pop3", "p", "", 1), d.Begin("imap", "p", "", 1)
	for range 10 {
		r.Client("noop")
		r.Server("+OK")
		other.Client("a noop")
	}
	if n := d.octets(t); n != 0 || len(d.timers) != 1 {
		t.Errorf("%d octets on disk, %d timers", n, len(d.timers))
	}
	d.ring()
	if d.octets(t) == 0 {
		t.Error("the timer wrote nothing")
	}
	r.Client("stat")
	if len(d.timers) != 1 {
		t.Errorf("%d timers", len(d.timers))
	}
	got, err := d.Read(r.ID())
	if err != nil || len(got.Lines) != 21 || !got.End.IsZero() || got.Cut {
		t.Errorf("a reader sees %d lines, cut %v, %v", len(got.Lines), got.Cut, err)
	}
	d.ring() // with nothing waiting any more
	before := d.octets(t)
	for range 80 {
		other.Client(strings.Repeat("x", 900))
	}
	if d.octets(t) == before {
		t.Error("much waits in memory")
	}
}

// octets are how many are on disk, by counting them.
func (d *desk) octets(t testing.TB) int64 {
	t.Helper()
	var n int64
	for _, name := range d.onDisk(t) {
		info, err := os.Stat(filepath.Join(d.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

func TestSilentConnectionsLeaveNothing(t *testing.T) {
	d := newDesk(t, Config{})
	r := d.Begin("smtp", "scanner", "", 1)
	r.Server("220 hello")
	r.Close()
	d.ring()
	if got := d.List(Filter{}); len(got) != 0 || d.octets(t) != 0 {
		t.Error(got)
	}
}

func TestBounds(t *testing.T) {
	d := newDesk(t, Config{MaxDialogue: 8000})
	r := d.Begin("imap", "p", "", 1)
	r.Client("a LIST \"\" *")
	for i := range 250 {
		r.Server(fmt.Sprint("* ", i))
	}
	r.Client(strings.Repeat("é", 800))
	r.Server("a OK")
	for range 100 {
		r.Client(strings.Repeat("x", 900))
	}
	r.Close()
	got, err := d.Read(r.ID())
	if err != nil {
		t.Fatal(err)
	}
	if got.Skipped != 150 || !got.Cut || got.End.IsZero() {
		t.Errorf("skipped %d, cut %v, end %v", got.Skipped, got.Cut, got.End)
	}
	if long := got.Lines[101].Text; long != strings.Repeat("é", 500)+"…" {
		t.Errorf("a long line is kept as %q", long)
	}
	if n := d.octets(t); n > 8300 || n != d.Store.ring.Size() {
		t.Errorf("%d octets, counted %d", n, d.Store.ring.Size())
	}
}

func BenchmarkLine(b *testing.B) {
	d := newDesk(b, Config{MaxDialogue: 1 << 40})
	r := d.Begin("smtp", "p", "", 1)
	for b.Loop() {
		r.Client("mail from:<util1@local.isri.fr>")
		r.Server("250 2.1.0 Ok")
	}
	r.Close()
}

func BenchmarkConnection(b *testing.B) {
	d := newDesk(b, Config{})
	for b.Loop() {
		r := d.Begin("smtp", "p", "", 1)
		for range 6 {
			r.Client("mail from:<util1@local.isri.fr>")
			r.Server("250 2.1.0 Ok")
		}
		r.Close()
	}
}
