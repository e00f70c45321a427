//go:build linux

package broker

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"maillab/internal/handoff"
)

// TestListsTakeTurns: who lists over fifty connections has one walk under way at labinit, whatever becomes of who asked,
// and somebody else's comes through beside it.
func TestListsTakeTurns(t *testing.T) {
	ours, theirs, err := handoff.Pair("broker")
	if err != nil {
		t.Fatal(err)
	}
	there, err := net.FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	labinit := there.(*net.UnixConn)
	defer labinit.Close()
	c := NewClient(ours)
	defer c.Close()

	asked := make(chan request, 100)
	go func() {
		for buffer := make([]byte, handoff.MaxPacket+1); ; {
			packet, _, err := handoff.Receive(labinit, buffer)
			if err != nil {
				return
			}
			if r, err := parseRequest(packet); err == nil {
				asked <- r
			}
		}
	}()
	answer := func(r request) {
		body, err := bodyFile([]byte(`[{"Path":"work"}]`))
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if err := handoff.Send(labinit, reply{ID: r.ID}, body); err != nil {
			t.Fatal(err)
		}
	}

	var all sync.WaitGroup
	ctx, leave := context.WithCancel(t.Context())
	list := func(ctx context.Context, user string) {
		all.Go(func() {
			if files, err := c.List(ctx, user); err == nil && (len(files) != 1 || files[0].Path != "work") || err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, %v", user, files, err)
			}
		})
	}
	list(ctx, "util1")
	first := <-asked
	for range 50 {
		list(ctx, "util1")
	}
	list(t.Context(), "util2")
	if r := <-asked; r.User != "util2" {
		t.Fatalf("%s has two under way", r.User)
	} else {
		answer(r)
	}
	leave()                    // all of util1's connections break
	list(t.Context(), "util1") // and he is back
	list(t.Context(), "util3")
	if r := <-asked; r.User != "util3" {
		t.Fatalf("%s has two under way: the first goes on at labinit", r.User)
	} else {
		answer(r)
	}
	answer(first)
	r := <-asked
	if r.User != "util1" {
		t.Errorf("%s instead of util1, whose turn is over", r.User)
	}
	answer(r)
	all.Wait()
}

// TestTurns: one at a time of each, in no time when it is free, and whoever waits may give up.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns turns
		done, err := turns.take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		other, err := turns.take(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		defer other()
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.take(soon, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second one: %v", err)
		}
		var running, most, through int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				next, err := turns.take(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				running++
				most, through = max(most, running), through+1
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				next()
			})
		}
		began := time.Now()
		done()
		all.Wait()
		if most != 1 || through != 10 || time.Since(began) != 10*time.Second {
			t.Errorf("%d at once, %d in %v", most, through, time.Since(began))
		}
		if len(turns.busy) != 1 {
			t.Errorf("%d are remembered", len(turns.busy))
		}
	})
}
