package queue

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// How many attempts may be under way at one place. A student's server gets one connection at a time: nc(1) has no more.
const (
	localAtOnce  = 4
	serverAtOnce = 5
	routeAtOnce  = 1
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

// sorted are the entries in the order in which they came.
func (q *Queue) sorted() []*entry {
	all := make([]*entry, 0, len(q.entries))
	for _, e := range q.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *entry) int {
		return cmp.Or(a.queued.Compare(b.queued), cmp.Compare(a.env.ID, b.env.ID))
	})
	return all
}

// place is where an attempt leads, for counting.
type place struct {
	name string
	room int
}

// places are where an entry's open recipients lead, each once.
func (q *Queue) places(e *entry) (places []place) {
	for _, i := range e.pending() {
		p := place{"local", localAtOnce}
		if d := q.resolve(e.env.Recipients[i].Full); d.kind == toServer {
			p = place{d.server.dial, serverAtOnce}
			if d.server.route {
				p.room = routeAtOnce
			}
		}
		if !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	return places
}

// enter takes room at all places, or at none.
func (q *Queue) enter(places []place) bool {
	for _, p := range places {
		if q.busy[p.name] >= p.room {
			return false
		}
	}
	for _, p := range places {
		q.busy[p.name]++
	}
	return true
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
	q.mu.Lock()
	defer q.mu.Unlock()
	e.active = false
	for _, p := range places {
		q.busy[p.name]--
	}
	q.poke()
}

// has says whether an entry is still the queue's: a Hold may have replaced it.
func (q *Queue) has(e *entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.entries[e.env.ID] == e
}

// drop takes an entry that is through out of the queue.
func (q *Queue) drop(e *entry) {
	if err := q.store.remove(e.env.ID); err != nil {
		q.cfg.Logger.Error("queue file cannot be removed: its mail may be delivered again", "id", e.env.ID, "error", err)
	}
	q.mu.Lock()
	delete(q.entries, e.env.ID)
	q.mu.Unlock()
	q.cfg.Log.Removed(e.env.ID)
}

// Flush has everything tried now, as sendmail -q does.
func (q *Queue) Flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.entries {
		e.due = time.Time{}
	}
	q.poke()
}
