package web

import (
	"sync"
	"time"
)

// attempts slow down who guesses: after a few wrong passwords for one name from one address, each further one has to wait
// twice as long. A sandbox slows down its own guessers, too; this is what one browser sees of it, and says.
type attempts struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]*failures
}

type failures struct {
	count int
	last  time.Time
}

// How many wrong passwords are free, how long waiting gets, and when it is forgotten.
const (
	freeAttempts = 5
	longestWait  = 30 * time.Second
	forgetAfter  = 10 * time.Minute
	maxGuessers  = 10_000
)

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, known: map[string]*failures{}}
}

// wait is how long it is until the next attempt may be made.
func (a *attempts) wait(who string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.known[who]
	if f == nil || f.count < freeAttempts {
		return 0
	}
	pause := min(longestWait, time.Second<<min(f.count-freeAttempts, 10))
	return max(0, f.last.Add(pause).Sub(a.now()))
}

// failed counts a wrong password.
func (a *attempts) failed(who string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for other, f := range a.known {
		if now.Sub(f.last) > forgetAfter || len(a.known) >= maxGuessers {
			delete(a.known, other)
		}
	}
	f := a.known[who]
	if f == nil {
		f = &failures{}
		a.known[who] = f
	}
	f.count++
	f.last = now
}

// succeeded forgets who guessed right.
func (a *attempts) succeeded(who string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, who)
}
