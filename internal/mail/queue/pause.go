package queue

import "context"

// Pause has nothing tried until Resume is called: what is taken meanwhile waits, as mail does that is handed in while Postfix
// is stopped. Attempts that are under way are cut short and count as never made.
func (q *schedule) Pause() {
	q.mu.Lock()
	q.paused = true
	q.mu.Unlock()
	q.cutShort()
}

// Resume goes on: what waits is tried when it is due, which is at once for what came in the pause.
func (q *schedule) Resume() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused = false
	q.poke()
}

// isPaused says whether nothing is to be tried.
func (q *schedule) isPaused() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.paused
}

// cutShort ends the attempts that are under way.
func (q *schedule) cutShort() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.held)
	q.held = make(chan struct{})
}

// withHold gives a context that also ends when attempts are cut short.
func (q *schedule) withHold(ctx context.Context) (context.Context, context.CancelFunc) {
	q.mu.Lock()
	held := q.held
	q.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-held:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
