//go:build linux

package broker

import (
	"context"
	"sync"
)

// turns lets each user have one long thing under way: his next one waits, somebody else's does not.
type turns struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // closed when it is over
}

// take waits for a user's turn; done ends it.
func (t *turns) take(ctx context.Context, user string) (done func(), err error) {
	for {
		if err := ctx.Err(); err != nil { // of who gave up while another's ended
			return nil, err
		}
		over, free := t.try(user)
		if free {
			return func() { t.end(user, over) }, nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes a free turn, or tells when the one that is under way is over.
func (t *turns) try(user string) (over chan struct{}, free bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over = t.busy[user]; over != nil {
		return over, false
	}
	if t.busy == nil {
		t.busy = map[string]chan struct{}{}
	}
	over = make(chan struct{})
	t.busy[user] = over
	return over, true
}

func (t *turns) end(user string, over chan struct{}) {
	t.mu.Lock()
	delete(t.busy, user)
	t.mu.Unlock()
	close(over)
}
