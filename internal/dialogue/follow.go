package dialogue

import (
	"context"
	"sync"
	"sync/atomic"
)

// Event is one line of one dialogue, as it comes.
type Event struct {
	ID       string   `json:"id"`
	Service  string   `json:"service"`
	Peer     string   `json:"peer"`
	Accounts []string `json:"accounts"`
	Epoch    int      `json:"epoch"`
	Line     Line     `json:"line"`
	Lost     int      `json:"lost,omitempty"` // events before this one that the follower was too slow for
}

// backlog is how many events a slow follower may be behind.
const backlog = 512

// Follow hands every line from now on to emit, also those that no file has room for, until ctx ends, emit fails or the
// store is closed; it returns emit's error, or nil. A follower that is too slow loses events: a session never waits for
// one.
func (s *Store) Follow(ctx context.Context, emit func(Event) error) error {
	f := s.followers.join()
	defer s.followers.leave(f)
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-f.events:
			if !open {
				return nil
			}
			if err := emit(e); err != nil {
				return err
			}
		}
	}
}

// followers are who follows now.
type followers struct {
	count atomic.Int32 // so that nobody following costs nothing

	mu     sync.Mutex
	list   map[*follower]bool
	closed bool
}

type follower struct {
	events chan Event
	lost   int
}

func (fs *followers) any() bool { return fs.count.Load() > 0 }

func (fs *followers) join() *follower {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := &follower{events: make(chan Event, backlog)}
	if fs.closed {
		close(f.events)
		return f
	}
	if fs.list == nil {
		fs.list = map[*follower]bool{}
	}
	fs.list[f] = true
	fs.count.Add(1)
	return f
}

func (fs *followers) leave(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.list[f] {
		delete(fs.list, f)
		fs.count.Add(-1)
	}
}

func (fs *followers) send(e Event) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for f := range fs.list {
		e.Lost = f.lost
		select {
		case f.events <- e:
			f.lost = 0
		default:
			f.lost++
		}
	}
}

func (fs *followers) close() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.closed = true
	for f := range fs.list {
		close(f.events)
	}
	clear(fs.list)
	fs.count.Store(0)
}
