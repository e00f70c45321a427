package queue

import (
	"context"
	"sync"
	"time"
)

// Run tries what waits until ctx ends, and returns after all attempts have ended. What an ending ctx cuts short counts
// as never tried.
func (q *Queue) Run(ctx context.Context) error {
	var under sync.WaitGroup
	defer under.Wait()
	for {
		next := q.start(ctx, &under)
		var timer <-chan time.Time
		if !next.IsZero() {
			timer = q.cfg.After(max(0, next.Sub(q.cfg.Now())))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.wake:
		case <-timer:
		}
	}
}

// start begins an attempt for every entry that is due and has room, and says when the next one will be due.
func (q *Queue) start(ctx context.Context, under *sync.WaitGroup) (next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.paused {
		return next // Resume pokes
	}
	now := q.cfg.Now()
	for _, e := range q.sorted() {
		switch {
		case e.active:
		case e.due.After(now):
			if next.IsZero() || e.due.Before(next) {
				next = e.due
			}
		default:
			places := q.places(e)
			if !q.enter(places) {
				continue // whoever leaves pokes
			}
			e.active = true
			under.Add(1)
			go func() {
				defer under.Done()
				q.try(ctx, e, places)
			}()
		}
	}
	return next
}

// try runs one attempt and gives its room back.
func (q *Queue) try(ctx context.Context, e *entry, places []place) {
	ctx, done := q.withHold(ctx) // before the gate: a Hold that waits for it must find this attempt
	defer done()
	q.gate.RLock()
	defer q.gate.RUnlock()
	if q.has(e) {
		q.attempt(ctx, e)
	}
	q.leave(e, places)
}

// drop takes an entry that is through out of the queue.
func (q *Queue) drop(e *entry) {
	if err := q.store.remove(e.env.ID); err != nil {
		q.cfg.Logger.Error("queue file cannot be removed: its mail may be delivered again", "id", e.env.ID, "error", err)
	}
	q.remove(e)
	q.cfg.Log.Removed(e.env.ID)
}
