package auth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestGateBoundsWhatRuns(t *testing.T) {
	g := newGate(2, 100)
	var now, most atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			err := g.pass(t.Context(), "p", func() {
				n := now.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				now.Add(-1)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 2 {
		t.Errorf("%d ran at once", most.Load())
	}
	if len(g.peers) != 0 || g.running != 0 {
		t.Errorf("left behind: %v, %d", g.peers, g.running)
	}
}

func TestGateTurnsAway(t *testing.T) {
	g := newGate(1, 2)
	inside, out := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.pass(t.Context(), "a", func() { close(inside); <-out }) })
	<-inside

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.pass(ctx, "a", func() { t.Error("ran beside another") }); !errors.Is(err, ErrBusy) {
		t.Error("waited for longer than its context:", err)
	}
	if !g.enter("a") {
		t.Fatal("turned away too early")
	}
	if err := g.pass(t.Context(), "a", func() { t.Error("ran") }); !errors.Is(err, ErrBusy) {
		t.Error("a third one of this peer may wait:", err)
	}
	if !g.enter("b") {
		t.Error("another peer is turned away")
	}
	g.leave("b")
	g.leave("a")
	close(out)
	wg.Wait()
}

// TestMemoryGoesBack: once, after the last check of a burst, and not while the next one runs.
func TestMemoryGoesBack(t *testing.T) {
	g := newGate(1, 10)
	released := 0
	var timers []func()
	g.release = func() { released++ }
	g.after = func(_ time.Duration, f func()) { timers = append(timers, f) }
	pass := func(check func()) {
		if err := g.pass(t.Context(), "p", check); err != nil {
			t.Fatal(err)
		}
	}
	pass(func() {})
	pass(func() { timers[0]() }) // the first burst's timer rings within the second
	timers[0]()
	if released != 0 {
		t.Error("given back in the middle of a burst")
	}
	timers[1]()
	if released != 1 {
		t.Errorf("given back %d times", released)
	}
}
