package queue

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
	"maillab/internal/spec"
)

// waiting puts a message for the outside into a queue that is not running.
func waiting(t *testing.T, b *bench) (id, file string) {
	t.Helper()
	id = b.send(t, "Subject: x\r\n\r\nbody\r\n", "util1", "a@example.com", "util3")
	return id, filepath.Join(b.cfg.Dir, id)
}

func TestQueueFileSurvives(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Dial = timeouts })
	id, file := waiting(t, b)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("queue file: %v, %v", info, err)
	}
	before := b.List()
	b.open(t)
	if diff := cmp.Diff(before, b.List()); diff != "" {
		t.Errorf("after a restart -want +got:\n%s", diff)
	}
	b.run(t)
	b.log.wait(t, id, "to=<util3@local.isri.fr>", "status=sent")
	b.log.wait(t, id, "to=<a@example.com>", "status=deferred")
	until(t, "the attempt ended", func() bool { return !b.List()[0].Active })
	b.open(t)
	if got := b.List(); len(got) != 1 || len(got[0].Recipients) != 1 || got[0].Recipients[0].Address != "a@example.com" {
		t.Errorf("who is through must not come back: %+v", got)
	}
}

// TestTornJournal cuts a queue file at every byte behind the message: what was written before the cut still counts, and
// what is written after it too.
func TestTornJournal(t *testing.T) {
	b := newBench(t, nil)
	id, file := waiting(t, b)
	e := b.entries[id]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	end := len(whole)
	e.settle(0, result{State: stateDeferred, DSN: "4.4.1", Text: "no"}, b.clock.Now())
	e.settle(1, result{State: stateSent, DSN: "2.0.0", Text: "yes"}, b.clock.Now())
	whole = append(whole, journal(e)...)
	firstLine := end + bytes.IndexByte(whole[end:], '\n') + 1
	for cut := end; cut <= len(whole); cut++ {
		if err := os.WriteFile(file, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		b.open(t)
		states := b.entries[id].states
		want := [2]string{}
		if cut >= firstLine {
			want[0] = stateDeferred
		}
		if cut == len(whole) {
			want[1] = stateSent
		}
		if got := [2]string{states[0].State, states[1].State}; got != want {
			t.Fatalf("cut at %d: got %q, want %q", cut, got, want)
		}
		states[0].State = stateBounced
		if err := b.store.update(b.entries[id]); err != nil {
			t.Fatal(err)
		}
		b.open(t)
		if got := b.entries[id].states[0].State; got != stateBounced {
			t.Fatalf("cut at %d: what was written afterwards reads as %q", cut, got)
		}
	}
}

func TestBrokenQueueFilesAreSetAside(t *testing.T) {
	b := newBench(t, nil)
	id, file := waiting(t, b)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"EMPTY": nil, "SHORT": whole[:len(whole)-20], "OTHER": []byte("From x\n"), "NAMED": whole,
		"HEAD": []byte("maillab-queue 1 5\n{\n"), "HUGE": []byte("maillab-queue 1 999999999999\n{}\n"),
	} {
		if err := os.WriteFile(filepath.Join(b.cfg.Dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(b.cfg.Dir, "tmp", "HALF"), whole[:10], 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(t)
	if got := b.List(); len(got) != 1 || got[0].ID != id {
		t.Errorf("got %+v, want only %s", got, id)
	}
	for dir, want := range map[string]int{"tmp": 0, "corrupt": 6} {
		if files, _ := os.ReadDir(filepath.Join(b.cfg.Dir, dir)); len(files) != want {
			t.Errorf("%s: %d files, want %d", dir, len(files), want)
		}
	}
}

// TestHold stops an attempt at once, keeps everybody out, and takes up what is in the directory afterwards.
func TestHold(t *testing.T) {
	dialled := make(chan struct{}, 10)
	b := newBench(t, func(c *Config) {
		c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			dialled <- struct{}{}
			<-ctx.Done() // a firewall that drops
			return nil, ctx.Err()
		}
		c.Times.Connect = time.Hour
	})
	b.run(t)
	id, file := waiting(t, b)
	<-dialled
	release := b.Hold()
	if text := b.log.text(); strings.Contains(text, "a@example.com") {
		t.Errorf("an attempt that was cut short counts:\n%s", text)
	}
	moved := filepath.Join(b.cfg.Dir, "tmp", "kept")
	if err := os.Rename(file, moved); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if got := b.List(); len(got) != 0 {
		t.Errorf("got %+v after the file was taken away", got)
	}
	release = b.Hold()
	if err := os.Rename(moved, file); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	<-dialled
	if got := b.List(); len(got) != 1 || got[0].ID != id {
		t.Errorf("got %+v after the file came back", got)
	}
	if n := strings.Count(b.spool.read("util3"), "Return-Path"); n != 1 {
		t.Errorf("the mailbox got %d copies", n)
	}
	if err := b.Clear(); err != nil || len(b.List()) != 0 {
		t.Errorf("clear: %v, %d left", err, len(b.List()))
	}
}

// TestSlowRouteHoldsNobodyUp has a student's server that never greets, and mail for others.
func TestSlowRouteHoldsNobodyUp(t *testing.T) {
	var dials []string
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	began := make(chan struct{})
	b := newBench(t, func(c *Config) {
		c.Routes = append(c.Routes, routeTo("liste", "127.0.0.1:2525"))
		c.AnyListener = true
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != "127.0.0.1:2525" {
				return timeouts(ctx, network, address)
			}
			dials = append(dials, address) // one at a time: no lock needed, the race detector would tell
			close(began)
			return ours, nil
		}
	})
	b.run(t)
	b.send(t, "x\r\n", "util1", "liste")
	<-began
	for range 5 {
		b.send(t, "x\r\n", "util1", "liste")
	}
	id := b.send(t, "x\r\n", "util1", "a@example.com")
	b.log.wait(t, id, "status=deferred")
	if len(dials) != 1 {
		t.Errorf("%d connections to a server that takes one", len(dials))
	}
}

// TestFlushDuringAttempt: who asks for another try while one is ending gets it.
func TestFlushDuringAttempt(t *testing.T) {
	var b *bench
	dials := make(chan int, 10)
	n := 0
	b = newBench(t, func(c *Config) {
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			if n++; n == 1 {
				b.Flush()
			}
			dials <- n
			return nil, syscall.ECONNREFUSED
		}
	})
	b.send(t, "x\r\n", "util1", "a@example.com")
	b.run(t) // the clock stands: no other try is due
	for want := range 2 {
		select {
		case <-dials:
		case <-time.After(20 * time.Second):
			t.Fatalf("%d tries", want)
		}
	}
}

func TestTooManyWaiting(t *testing.T) {
	for name, limit := range map[string]func(*Config){
		"messages": func(c *Config) { c.Waiting = 1 },
		"octets":   func(c *Config) { c.Octets = 1000 },
	} {
		b := newBench(t, limit)
		waiting(t, b)
		env := &mail.Envelope{ID: b.NewID(), ClientAddr: "172.17.0.1", Sender: mail.Address{Full: "util1"}, Recipients: []mail.Recipient{{Address: mail.Address{Typed: "a@example.com"}}}}
		err := b.Accept(t.Context(), env, strings.NewReader(strings.Repeat("x\r\n", 300)))
		if err == nil || !strings.HasPrefix(err.Error(), "452 4.3.1") {
			t.Errorf("%s: got %v, want 452", name, err)
		}
		b.send(t, "x\r\n", "util1", "util2") // what needs no queue still goes
	}
}

// TestShares: whoever fills the queue, with mail to a list of his own, from his account, or from his machine, fills his
// share of it; the others' mail is still taken, and his own is again once some of it is through.
func TestShares(t *testing.T) {
	mine := []spec.Route{{To: "liste1@local.isri.fr", Via: "127.0.0.1:2501", Account: "util1"}, {To: "liste2@local.isri.fr", Via: "127.0.0.1:2502", Account: "util2"}}
	for name, flood := range map[string]mail.Envelope{
		"his list, from everywhere": {ClientAddr: "%d", Recipients: to("liste1")},
		"his account":               {User: "util1", ClientAddr: "127.0.0.1", Recipients: to("a@example.com")},
		"his machine":               {ClientAddr: "192.0.2.7", Sender: mail.Address{Typed: "util2"}, Recipients: to("a@example.com")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.Waiting, c.Routes = 100, mine })
			hand := func(e mail.Envelope, n int) error {
				e.ID, e.Recipients = b.NewID(), slices.Clone(e.Recipients)
				if e.ClientAddr == "%d" {
					e.ClientAddr = fmt.Sprintf("192.0.2.%d", n)
				}
				return b.Accept(t.Context(), &e, strings.NewReader("x\r\n"))
			}
			taken := 0
			for hand(flood, taken) == nil {
				taken++
			}
			if err := hand(flood, taken); taken != 10 || !strings.HasPrefix(err.Error(), "452 4.3.1") {
				t.Fatalf("%d messages were taken, then %v", taken, err)
			}
			for _, other := range []mail.Envelope{{User: "util2", Recipients: to("liste2")}, {ClientAddr: "198.51.100.9", Recipients: to("a@example.com")}} {
				if err := hand(other, 0); err != nil {
					t.Errorf("a classmate's: %v", err)
				}
			}
			b.open(t) // the shares are known after a restart
			if err := hand(flood, taken); err == nil {
				t.Error("a restart made room")
			}
			release := b.Hold()
			if _, err := b.Discard(func(e *mail.Envelope) bool { return e.User == flood.User && e.ClientAddr != "198.51.100.9" }); err != nil {
				t.Fatal(err)
			}
			if err := release(); err != nil {
				t.Fatal(err)
			}
			if err := hand(flood, taken); err != nil {
				t.Errorf("there is room again: %v", err)
			}
		})
	}
}

// to are recipients as they are typed.
func to(typed ...string) (all []mail.Recipient) {
	for _, t := range typed {
		all = append(all, mail.Recipient{Address: mail.Address{Typed: t}})
	}
	return all
}

func TestIDs(t *testing.T) {
	b := newBench(t, nil) // its clock stands still
	seen := map[string]bool{}
	for range 5000 {
		id := b.NewID()
		if seen[id] || len(id) < 10 || len(id) > 12 || strings.Trim(id, "0123456789ABCDEF") != "" {
			t.Fatalf("queue id %q", id)
		}
		seen[id] = true
	}
}
