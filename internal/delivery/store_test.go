package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func noon() time.Time { return time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC) }

// never is an AfterFunc for tests that flush by hand.
func never(time.Duration, func()) {}

func open(t *testing.T, cfg Config) *Store {
	t.Helper()
	cfg.Now, cfg.AfterFunc = noon, never
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func list(t *testing.T, s *Store, epoch int) []Message {
	t.Helper()
	all, err := s.List(epoch)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func envelope(id string) Envelope {
	return Envelope{ID: id, Client: "127.0.0.1", Helo: "pv", Protocol: "SMTP", Sender: "util1", Arrived: noon(),
		Recipients: []Recipient{{"util11", "util11@local.isri.fr"}}}
}

// TestRecords: what was recorded is read back, joined by queue ID and parted by epoch, by this run and by the next.
func TestRecords(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	head := "Delivered-To: util11\n"
	s.Delivered(1, "A1", []Copy{{Account: "util11", Typed: "util11", Head: head}, {Account: "util1", Typed: "util1"}}, []byte("Subject: a\n\nb\n"))
	s.Taken(1, envelope("A1"), []byte("what the client sent"), 20)
	s.Taken(1, envelope("B2"), []byte("to the outside"), 14)
	s.Delivered(2, "A1", []Copy{{Account: "util3"}}, []byte("another epoch's\n"))
	for _, run := range []string{"this", "next"} {
		got := list(t, s, 1)
		a1, b2 := envelope("A1"), envelope("B2")
		want := []Message{
			{ID: "A1", Envelope: &a1, Epoch: 1, At: noon(), Copies: []Copy{
				{Account: "util11", Typed: "util11", Head: head, At: noon(), Epoch: 1}, {Account: "util1", Typed: "util1", At: noon(), Epoch: 1}}},
			{ID: "B2", Envelope: &b2, Epoch: 1, At: noon()},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Copy{}, Message{})); diff != "" {
			t.Fatalf("%s run: %s", run, diff)
		}
		text, cut, err := s.Text(got[0].Copies[0])
		if string(text) != head+"Subject: a\n\nb\n" || cut || err != nil {
			t.Errorf("%s run: %q %v %v", run, text, cut, err)
		}
		if text, _, err := s.TakenText(got[0]); len(text) > 0 || err != nil {
			t.Errorf("%s run: a message that was delivered is kept twice: %q %v", run, text, err)
		}
		if text, _, err := s.TakenText(got[1]); string(text) != "to the outside" || err != nil {
			t.Errorf("%s run: %q %v", run, text, err)
		}
		if all := list(t, s, 0); len(all) != 3 {
			t.Errorf("%s run: %d messages in all epochs", run, len(all))
		}
		s.Close()
		s = open(t, Config{Dir: dir})
	}
}

// TestBounds: a message is cut, and says so; all together stay within the bound, the oldest gone.
func TestBounds(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, MaxMessage: 100, MaxTotal: 64 << 10})
	for i := range 1000 {
		s.Delivered(1, fmt.Sprint(i), []Copy{{Account: "util1", Head: "x: y\n"}}, bytes.Repeat([]byte("x"), 200))
	}
	s.Flush()
	var size int64
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Error(err, info.Mode())
		}
		size += info.Size()
	}
	if size > 64<<10 || size < 32<<10 {
		t.Errorf("%d octets in %d files", size, len(files))
	}
	got := list(t, s, 1)
	if last := got[len(got)-1]; last.ID != "999" || got[0].ID == "0" || len(got) < 100 {
		t.Errorf("%d messages, from %s to %s", len(got), got[0].ID, last.ID)
	}
	if text, cut, err := s.Text(got[0].Copies[0]); len(text) != 105 || !cut || err != nil {
		t.Errorf("%d octets, cut %v, %v", len(text), cut, err)
	}
	s.MaxTotalForTest(1)
	s.Delivered(1, "last", []Copy{{Account: "util1"}}, []byte("x"))
	if _, _, err := s.Text(got[0].Copies[0]); !errors.Is(err, ErrGone) {
		t.Errorf("a text that was dropped: %v", err)
	}
	if err := s.Clear(); err != nil || len(list(t, s, 0)) != 0 {
		t.Error("cleared", err)
	}
}

// MaxTotalForTest makes the bound smaller, as if much had come.
func (s *Store) MaxTotalForTest(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.MaxTotal = n
}

// TestTorn: what a killed daemon left of its last record hides nothing before it, and is never written behind.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	for i := range 3 {
		s.Delivered(1, fmt.Sprint(i), []Copy{{Account: "util1"}}, []byte("text"))
	}
	s.Close()
	first := filepath.Join(dir, "00000001.mail")
	whole, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		if err := os.WriteFile(first, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, Config{Dir: dir})
		s.Delivered(1, "new", []Copy{{Account: "util1"}}, []byte("text"))
		got := list(t, s, 1)
		if want := bytes.Count(whole[:cut], []byte("\ntext\n")) + 1; len(got) != want || got[len(got)-1].ID != "new" {
			t.Fatalf("cut at %d: %d messages, want %d", cut, len(got), want)
		}
		if err := s.Clear(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskGone: what cannot be written is lost, and the next record is tried again.
func TestDiskGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	s := open(t, Config{Dir: dir})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s.Delivered(1, "lost", []Copy{{Account: "util1"}}, []byte("text"))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.Delivered(1, "kept", []Copy{{Account: "util1"}}, []byte("text"))
	if got := list(t, s, 1); len(got) != 1 || got[0].ID != "kept" {
		t.Errorf("%+v", got)
	}
}

func TestKeep(t *testing.T) {
	k := NewKeep(strings.NewReader("0123456789"), 4)
	all, err := io.ReadAll(k)
	text, size := k.Kept()
	if string(all) != "0123456789" || err != nil || string(text) != "0123" || size != 10 {
		t.Errorf("%q %v %q %d", all, err, text, size)
	}
}

// FuzzRead: whatever lies in a file, reading it ends, and hands out nothing from beyond it.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"v":1,"kind":"delivered","epoch":1,"id":"A","copies":[{"account":"u"}],"size":4,"bytes":4}` + "\ntext\n"))
	f.Add([]byte(`{"v":1,"kind":"taken","epoch":1,"envelope":{"id":"A"},"size":0,"bytes":0}` + "\n\n"))
	f.Add([]byte(`{"v":1,"kind":"delivered","epoch":1,"id":"A","size":9999999,"bytes":9999999}` + "\nx"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := lister{byID: map[string]int{}}
		if err := l.read(1, bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		for _, m := range l.messages {
			for _, c := range m.Copies {
				if c.text.from+int64(c.text.bytes) > int64(len(text)) {
					t.Errorf("%s: %+v", m.ID, c.text)
				}
			}
		}
	})
}

func BenchmarkDelivered(b *testing.B) {
	s, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	body := bytes.Repeat([]byte("a line of text\n"), 130)
	for b.Loop() {
		s.Delivered(1, "4bXyz", []Copy{{Account: "util11", Typed: "util11", Head: "Delivered-To: util11\n"}}, body)
	}
}
