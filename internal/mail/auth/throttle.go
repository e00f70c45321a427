package auth

import (
	"sync"
	"time"
)

// Throttle is a Policy: the answer to a peer's first failure is held back for First, and twice as long for each further
// one, up to Most. A success, or Forget without a failure, begins anew. A right password is never held back, so a class
// behind one address does not suffer from one who mistypes.
type Throttle struct {
	First, Most, Forget time.Duration
	Now                 func() time.Time

	mu    sync.Mutex
	peers map[string]failures
}

type failures struct {
	count int
	last  time.Time
}

// NewThrottle is the throttle of maild: half a second at first, five at most, as Courier, forgotten after ten minutes.
func NewThrottle(now func() time.Time) *Throttle {
	return &Throttle{First: time.Second / 2, Most: 5 * time.Second, Forget: 10 * time.Minute, Now: now}
}

// Failed counts a failure and says how long its answer waits.
func (t *Throttle) Failed(peer string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.Now()
	t.forget(now)
	f := t.peers[peer]
	t.peers[peer] = failures{count: f.count + 1, last: now}
	wait := t.First
	for i := 0; i < f.count && wait < t.Most; i++ {
		wait *= 2
	}
	return min(wait, t.Most)
}

// Succeeded ends a row of failures.
func (t *Throttle) Succeeded(peer string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.peers, peer)
}

// Failures is how many times in a row a peer failed of late.
func (t *Throttle) Failures(peer string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(t.Now())
	return t.peers[peer].count
}

// forget drops what is too old. It goes through all peers: they are few, as each has failed within Forget.
func (t *Throttle) forget(now time.Time) {
	if t.peers == nil {
		t.peers = map[string]failures{}
	}
	for peer, f := range t.peers {
		if now.Sub(f.last) >= t.Forget {
			delete(t.peers, peer)
		}
	}
}
