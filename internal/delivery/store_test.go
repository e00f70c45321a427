package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"

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

func envelope(id string) *mail.Envelope {
	return &mail.Envelope{ID: id, ClientAddr: "127.0.0.1", Helo: "pv", Protocol: "SMTP", Sender: mail.Address{Full: "util1"},
		Arrived: noon(), Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util11", Full: "util11@local.isri.fr"}}}}
}

// TestRecords: what was recorded is read back, joined by queue ID and parted by epoch, by this run and by the next.
func TestRecords(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	head := "Delivered-To: util11\n"
	s.Delivered(1, "A1", []Copy{{Account: "util11", Typed: "util11", Head: head}, {Account: "util1", Typed: "util1"}}, []byte("Subject: a\n\nb\n"))
	s.Taken(1, envelope("A1"))
	s.Taken(1, envelope("B2"))
	s.Delivered(2, "A1", []Copy{{Account: "util3"}}, []byte("another epoch's\n"))
	for _, run := range []string{"this", "next"} {
		got := s.List(1)
		a1, b2 := envelope("A1"), envelope("B2")
		want := []Message{
			{ID: "A1", Envelope: a1, Epoch: 1, At: noon(), Copies: []Copy{
				{Account: "util11", Typed: "util11", At: noon(), Epoch: 1}, {Account: "util1", Typed: "util1", At: noon(), Epoch: 1}}},
			{ID: "B2", Envelope: b2, Epoch: 1, At: noon()},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Copy{}, Message{})); diff != "" {
			t.Fatalf("%s run: %s", run, diff)
		}
		text, cut, err := s.Text(got[0].Copies[0])
		if string(text) != head+"Subject: a\n\nb\n" || cut || err != nil {
			t.Errorf("%s run: %q %v %v", run, text, cut, err)
		}
		if all := s.List(0); len(all) != 3 {
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
	got := s.List(1)
	if last := got[len(got)-1]; last.ID != "999" || got[0].ID == "0" || len(got) < 100 {
		t.Errorf("%d messages, from %s to %s", len(got), got[0].ID, last.ID)
	}
	if text, cut, err := s.Text(got[0].Copies[0]); len(text) != 105 || !cut || err != nil {
		t.Errorf("%d octets, cut %v, %v", len(text), cut, err)
	}
	for i := range 200 {
		s.Delivered(1, fmt.Sprint("later", i), []Copy{{Account: "util1"}}, bytes.Repeat([]byte("x"), 200))
	}
	if _, _, err := s.Text(got[0].Copies[0]); !errors.Is(err, ErrGone) {
		t.Errorf("a text that was dropped: %v", err)
	}
	if err := s.Clear(); err != nil || len(s.List(0)) != 0 {
		t.Error("cleared", err)
	}
}

// TestAFloodPushesNobodyOut: neither mail to oneself, nor to others, nor in others' names makes a classmate's go.
func TestAFloodPushesNobodyOut(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 4<<10)
	from := func(client, sender, to, id string) (*mail.Envelope, []Copy) {
		e := &mail.Envelope{ID: id, ClientAddr: client, Protocol: "SMTP", Sender: mail.Address{Full: sender}, Arrived: noon(),
			Recipients: []mail.Recipient{{Address: mail.Address{Typed: to, Full: to + "@test"}}}}
		return e, []Copy{{Account: to, Head: "x: y\n"}}
	}
	for name, flood := range map[string]func(i int) (*mail.Envelope, []Copy){
		"to oneself": func(i int) (*mail.Envelope, []Copy) { return from("127.0.0.1", "util9", "util9", fmt.Sprint("f", i)) },
		"as anybody": func(i int) (*mail.Envelope, []Copy) {
			return from("127.0.0.1", fmt.Sprint("x", i), "util9", fmt.Sprint("f", i))
		},
		"to everybody": func(i int) (*mail.Envelope, []Copy) {
			return from("127.0.0.1", "util9", fmt.Sprint("util", i%9), fmt.Sprint("f", i))
		},
		"from elsewhere": func(i int) (*mail.Envelope, []Copy) { return from("192.0.2.9", "util1", "util1", fmt.Sprint("f", i)) },
		"by sendmail":    func(i int) (*mail.Envelope, []Copy) { return from("", "util1", "util1", fmt.Sprint("f", i)) },
	} {
		dir := t.TempDir()
		cfg := Config{Dir: dir, MaxTotal: 1 << 20}
		s := open(t, cfg)
		for i := range 20 {
			user := fmt.Sprint("util", i%4)
			e, copies := from("127.0.0.1", user, user, fmt.Sprint("c", i))
			s.Delivered(1, e.ID, copies, []byte("a message of the class\n"))
			s.Taken(1, e)
		}
		for i := range 1000 {
			e, copies := flood(i)
			s.Delivered(1, e.ID, copies, big)
			s.Taken(1, e)
		}
		for range 2 {
			kept := 0
			for _, m := range s.List(1) {
				if text, cut, err := s.Text(m.Copies[0]); err != nil || cut {
					t.Errorf("%s: %s: %v", name, m.ID, err)
				} else if strings.HasSuffix(string(text), "of the class\n") && m.Envelope != nil {
					kept++
				}
			}
			if kept != 20 {
				t.Errorf("%s: %d messages of the class are left", name, kept)
			}
			s.Close()
			s = open(t, cfg)
		}
	}
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
		got := s.List(1)
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
	if got := s.List(1); len(got) != 1 || got[0].ID != "kept" {
		t.Errorf("%+v", got)
	}
}

// FuzzRead: whatever lies in a file, reading it ends, and hands out nothing from beyond it.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"v":1,"kind":"delivered","epoch":1,"id":"A","copies":[{"account":"u"}],"size":4,"bytes":4}` + "\ntext\n"))
	f.Add([]byte(`{"v":1,"kind":"taken","epoch":1,"envelope":{"id":"A"},"size":0,"bytes":0}` + "\n\n"))
	f.Add([]byte(`{"v":1,"kind":"delivered","epoch":1,"id":"A","size":9999999,"bytes":9999999}` + "\nx"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000001.mail"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Config{Dir: dir, MaxTotal: 1 << 30, AfterFunc: never})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range s.List(0) {
			for _, c := range m.Copies {
				if got, _, err := s.Text(c); err != nil || len(got) > len(text)*2 {
					t.Errorf("%s: %d octets, %v", m.ID, len(got), err)
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
	for n := 0; b.Loop(); n++ {
		s.Delivered(1, fmt.Sprintf("4b%05x", n), []Copy{{Account: "util11", Typed: "util11", Head: "Delivered-To: util11\n"}}, body)
	}
}
