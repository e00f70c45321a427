package auth

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// settle is how long no password is checked before memory is given back.
const settle = time.Second

// gate lets a few password checks through at once, and the others wait. A peer that has too many waiting is turned away,
// so that one who guesses on many connections does not hold the queue.
type gate struct {
	slots   chan struct{}
	waiting int
	release func()                      // gives memory back
	after   func(time.Duration, func()) // time.AfterFunc

	mu      sync.Mutex
	peers   map[string]int // logins of each that wait or are checked
	running int
	passed  uint64 // how many checks there were: a burst is over when none came after it
}

func newGate(parallel, waiting int) *gate {
	return &gate{
		slots:   make(chan struct{}, parallel),
		waiting: waiting,
		release: debug.FreeOSMemory,
		after:   func(d time.Duration, f func()) { time.AfterFunc(d, f) },
		peers:   map[string]int{},
	}
}

// pass runs check when there is room for it.
func (g *gate) pass(ctx context.Context, peer string, check func()) error {
	if !g.enter(peer) {
		return fmt.Errorf("%w: %s has %d waiting", ErrBusy, peer, g.waiting)
	}
	defer g.leave(peer)
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
	}
	defer func() { <-g.slots }()
	check()
	return nil
}

func (g *gate) enter(peer string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.peers[peer] >= g.waiting {
		return false
	}
	g.peers[peer]++
	g.running++
	return true
}

func (g *gate) leave(peer string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.peers[peer]--; g.peers[peer] == 0 {
		delete(g.peers, peer)
	}
	g.running--
	g.passed++
	if g.running == 0 {
		burst := g.passed
		g.after(settle, func() { g.rest(burst) })
	}
}

// rest gives the memory of a burst back, unless another one has begun. Each check leaves 16 MiB to the collector, which
// in an idle process would keep them for minutes.
func (g *gate) rest(burst uint64) {
	g.mu.Lock()
	over := g.running == 0 && g.passed == burst
	g.mu.Unlock()
	if over {
		g.release()
	}
}
