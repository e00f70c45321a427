package dialogue

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"maillab/internal/ring"
)

// Config of a Store. Only Dir has to be set.
type Config struct {
	Dir string // made when it is not there, 0700
	// MaxDialogue bounds one dialogue, in octets; 0 is 128 KiB.
	MaxDialogue int
	// MaxTotal bounds all together, in octets; 0 is 16 MiB. MaxCount bounds how many there are; 0 is 10,000. Whose goes is
	// said in package ring: an account's, or of who has not logged in, the address's.
	MaxTotal int64
	MaxCount int
	// Flush is how long a line may wait before it is written; 0 is two seconds.
	Flush time.Duration

	// Ended is told of each dialogue that has ended, by who ended it: let it be quick. nil is nobody.
	Ended func(id string)

	Now       func() time.Time
	AfterFunc func(time.Duration, func()) // nil is time.AfterFunc
	Slog      *slog.Logger                // files that cannot be written; nil: thrown away
}

func (c *Config) fill() {
	if c.MaxDialogue == 0 {
		c.MaxDialogue = 128 << 10
	}
	if c.MaxTotal == 0 {
		c.MaxTotal = 16 << 20
	}
	if c.MaxCount == 0 {
		c.MaxCount = 10_000
	}
	if c.Flush == 0 {
		c.Flush = 2 * time.Second
	}
	if c.Ended == nil {
		c.Ended = func(string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.AfterFunc == nil {
		c.AfterFunc = func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	}
	if c.Slog == nil {
		c.Slog = slog.New(slog.DiscardHandler)
	}
}

// Store keeps dialogues in a directory. Its methods may be called at the same time. Locks are taken in the order
// Recorder, Store, followers.
type Store struct {
	cfg Config

	mu    sync.Mutex
	next  int // numbers dialogues that begin in one millisecond
	dirty map[*Recorder]bool
	open  map[string]bool // dialogues in which something was typed, and that go on
	armed bool            // a timer will flush
	ring  *ring.Ring
	heads map[string]header // of the last piece

	followers followers
}

// Open makes the directory, or takes over what is in it.
func Open(cfg Config) (*Store, error) {
	cfg.fill()
	s := &Store{cfg: cfg, dirty: map[*Recorder]bool{}, open: map[string]bool{}, heads: map[string]header{}}
	var err error
	s.ring, err = ring.Open(ring.Config{Dir: cfg.Dir, Suffix: ".jsonl", Octets: cfg.MaxTotal, Count: cfg.MaxCount, Split: s.split,
		Lost: func(id string) { delete(s.heads, id) }})
	if err != nil {
		return nil, fmt.Errorf("dialogues: %w", err)
	}
	return s, nil
}

// split finds a piece in a file of an earlier run. What belongs to no dialogue only takes room.
func (s *Store) split(text []byte) (ring.Record, int) {
	piece := text
	if i := bytes.Index(text, []byte("\n"+headMark)); i >= 0 {
		piece = text[:i+1]
	}
	line, _, _ := bytes.Cut(piece, []byte{'\n'})
	h, err := parseHeader(line)
	if err != nil { // one that is torn names no dialogue
		return ring.Record{}, len(piece)
	}
	if last, known := s.heads[h.ID]; !known || last.Part <= h.Part {
		s.heads[h.ID] = h
	}
	return h.record(), len(piece)
}

// Begin starts the record of a connection; epochs count from 1. inside is the account whose program it is, where the kernel
// tells, else "". It never fails; what cannot be written is lost, and said in the log.
func (s *Store) Begin(service, peer, inside string, epoch int) *Recorder {
	start := s.cfg.Now().UTC().Truncate(time.Millisecond)
	s.mu.Lock()
	s.next++
	id := fmt.Sprintf("%s-%06d-%s", start.Format("20060102T150405.000"), s.next%1e6, plain(service))
	s.mu.Unlock()
	r := &Recorder{store: s, head: header{
		Version: version, ID: id, Service: service, Peer: peer, Inside: inside, Start: start, Epoch: epoch, Accounts: []string{},
	}}
	r.publish(Line{At: start, Kind: Begin})
	return r
}

// plain is a service's name as a part of an ID.
func plain(service string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, service)
}

// waits is told that a recorder has lines to be written.
func (s *Store) waits(r *Recorder) (flush func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty[r] = true
	s.open[r.head.ID] = true
	if s.armed {
		return func() {}
	}
	s.armed = true
	return func() { s.cfg.AfterFunc(s.cfg.Flush, s.Flush) }
}

// Flush writes all that waits.
func (s *Store) Flush() {
	s.mu.Lock()
	dirty := s.dirty
	s.dirty, s.armed = map[*Recorder]bool{}, false
	s.mu.Unlock()
	for r := range dirty {
		r.flush()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said(s.ring.Flush())
}

// put takes a piece; it is written with others.
func (s *Store) put(h header, piece []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads[h.ID] = h
	if h.End != nil {
		delete(s.open, h.ID)
	}
	s.said(s.ring.Put(h.record(), piece))
	if !s.ring.Has(h.ID) {
		delete(s.heads, h.ID)
	}
}

// said notes what cannot be written.
func (s *Store) said(err error) {
	if err != nil {
		s.cfg.Slog.Error("dialogues not recorded", "dir", s.cfg.Dir, "err", err)
	}
}

// Clear removes everything, for a sandbox that starts anew. Connections that are open are recorded on, from here.
func (s *Store) Clear() error {
	s.Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.Clear()
}

// Close writes all that waits, and ends who follows. A recorder that is still used hands over its lines when it is
// closed; call Close again after the last one.
func (s *Store) Close() {
	s.Flush()
	s.followers.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said(s.ring.Close())
}
