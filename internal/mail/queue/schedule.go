package queue

import (
	"cmp"
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

// schedule is what waits, and what is being tried.
type schedule struct {
	*resolver

	mu      sync.Mutex
	entries map[string]*entry // by ID
	wake    chan struct{}     // holds a token when entries changed
	busy    map[string]int    // attempts under way, by place
	held    chan struct{}     // closed when a Hold or a Pause wants attempts to end
	paused  bool              // nothing is tried
	all     share
	shares  map[string]share // by whose they are, see sharers
}

// share is how much waits.
type share struct {
	messages int
	octets   int64
}

func newSchedule(cfg *Config) *schedule {
	return &schedule{resolver: newResolver(cfg), entries: map[string]*entry{}, wake: make(chan struct{}, 1), busy: map[string]int{},
		held: make(chan struct{}), shares: map[string]share{}}
}

// full says whose share a message would be too much for, "" when there is room.
func (q *schedule) full(e *entry, length int64) (whose string) {
	over := func(s share, messages int, octets int64) bool {
		return s.messages >= messages || s.octets+length > octets
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if over(q.all, q.cfg.Waiting, q.cfg.Octets) {
		return "everybody's"
	}
	for _, name := range q.sharers(e) {
		if over(q.shares[name], q.cfg.Share, q.cfg.ShareOctets) {
			return name
		}
	}
	return ""
}

// sharers are who a message that waits is counted for: who handed it in, the students' servers that it is for, and their
// owners. So nobody can fill the queue for the others.
func (q *schedule) sharers(e *entry) (names []string) {
	add := func(kind, name string) {
		if name = kind + " " + name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case e.env.User != "":
		add("account", e.env.User)
	case e.env.ClientAddr != "":
		add("client", e.env.ClientAddr)
	}
	for _, r := range e.env.Recipients {
		if d := q.resolve(r.Full); d.kind == toServer && d.server.route {
			add("route", d.server.dial)
			if d.server.owner != "" {
				add("account", d.server.owner)
			}
		}
	}
	return names
}

// count adds an entry to the shares, or takes it out again. mu is held.
func (q *schedule) count(e *entry, messages int) {
	change := func(s share) share { return share{s.messages + messages, s.octets + int64(messages)*e.length} }
	q.all = change(q.all)
	for _, name := range e.sharers {
		if q.shares[name] = change(q.shares[name]); q.shares[name].messages == 0 {
			delete(q.shares, name)
		}
	}
}

// replace makes these all that waits.
func (q *schedule) replace(entries []*entry) {
	q.mu.Lock()
	q.entries, q.all = make(map[string]*entry, len(entries)), share{}
	clear(q.shares)
	q.mu.Unlock()
	for _, e := range entries {
		q.add(e)
	}
}

// add puts an entry among those that wait.
func (q *schedule) add(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e.sharers = q.sharers(e)
	q.entries[e.env.ID] = e
	q.count(e, 1)
	q.poke()
}

// remove takes out an entry that is through.
func (q *schedule) remove(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.entries[e.env.ID] == e {
		delete(q.entries, e.env.ID)
		q.count(e, -1)
	}
}

// taken says whether an ID is a waiting message's.
func (q *schedule) taken(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.entries[id] != nil
}

// poke lets Run look again.
func (q *schedule) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// leave ends an attempt and gives its room back.
func (q *schedule) leave(e *entry, places []place) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.active = false; e.again {
		e.again, e.due = false, time.Time{}
	}
	for _, p := range places {
		q.busy[p.name]--
	}
	q.poke()
}

// sorted are the entries in the order in which they came.
func (q *schedule) sorted() []*entry {
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
func (q *schedule) places(e *entry) (places []place) {
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
func (q *schedule) enter(places []place) bool {
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

// has says whether an entry is still the queue's: a Hold may have replaced it.
func (q *schedule) has(e *entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.entries[e.env.ID] == e
}

// Flush has everything tried now, as sendmail -q does.
func (q *schedule) Flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.entries {
		if e.again = e.active; !e.active { // an attempt's entry is its own
			e.due = time.Time{}
		}
	}
	q.poke()
}
