package delivery

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/mail"
	"maillab/internal/ring"
)

// Config of a Store. Only Dir has to be set.
type Config struct {
	Dir        string // made when it is not there, 0700
	MaxMessage int    // octets kept of one message; 0 is 256 KiB
	MaxTotal   int64  // octets of all files; 0 is 32 MiB. Whose go is said in package ring.
	Flush      time.Duration
	// Recorded is told of the accounts that got a message: let it be quick. nil is nobody.
	Recorded  func(accounts []string)
	Now       func() time.Time
	AfterFunc func(time.Duration, func()) // nil is time.AfterFunc
	Slog      *slog.Logger                // files that cannot be written; nil: thrown away
}

func (c *Config) fill() {
	if c.MaxMessage == 0 {
		c.MaxMessage = MaxMessage
	}
	if c.MaxTotal == 0 {
		c.MaxTotal = 32 << 20
	}
	if c.Flush == 0 {
		c.Flush = 2 * time.Second
	}
	if c.Recorded == nil {
		c.Recorded = func([]string) {}
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

// MaxMessage is how many octets of a message are kept when nothing else is said.
const MaxMessage = 256 << 10

const (
	maxCount = 10_000 // messages
)

// Store keeps records in a directory. Its methods may be called at the same time.
type Store struct {
	cfg Config

	mu       sync.Mutex
	ring     *ring.Ring
	messages map[string]*Message // by key
	came     int
	armed    bool // a timer will flush
}

// Open makes the directory, or takes over what is in it.
func Open(cfg Config) (*Store, error) {
	cfg.fill()
	s := &Store{cfg: cfg, messages: map[string]*Message{}}
	var err error
	s.ring, err = ring.Open(ring.Config{Dir: cfg.Dir, Suffix: ".mail", Octets: cfg.MaxTotal, Count: maxCount, Split: s.split,
		Lost: func(key string) { delete(s.messages, key) }})
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	return s, nil
}

// Taken records that a client's message was accepted.
func (s *Store) Taken(epoch int, e *mail.Envelope) {
	s.mu.Lock()
	accounts := s.put(record{Kind: kindTaken, Epoch: epoch, Envelope: e}, nil)
	s.mu.Unlock()
	s.cfg.Recorded(accounts)
}

// Delivered records copies of one message that are in their mailboxes. text is the message without the copies' heads.
func (s *Store) Delivered(epoch int, id string, copies []Copy, text []byte) {
	s.mu.Lock()
	accounts := s.put(record{Kind: kindDelivered, Epoch: epoch, ID: id, Copies: copies, Size: len(text)}, text)
	s.mu.Unlock()
	s.cfg.Recorded(accounts)
}

// put hands a record to the ring, and returns who has the message by now. mu is held.
func (s *Store) put(r record, text []byte) (accounts []string) {
	text = text[:min(len(text), s.cfg.MaxMessage)]
	r.Version, r.At, r.Bytes = version, s.cfg.Now().UTC(), len(text)
	if m := s.messages[r.key()]; m != nil {
		r.Part = m.parts
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("delivery: a record does not marshal: %v", err)) // plain data: our own bug
	}
	end := []byte{'\n'}
	s.said(s.ring.Put(s.take(r), line, end, text, end))
	if m := s.messages[r.key()]; m != nil {
		for _, c := range m.Copies {
			accounts = append(accounts, c.Account)
		}
	}
	if !s.ring.Has(r.key()) {
		delete(s.messages, r.key())
	}
	if !s.armed {
		s.armed = true
		s.cfg.AfterFunc(s.cfg.Flush, s.Flush)
	}
	return accounts
}

// take enters a record into what is known of its message.
func (s *Store) take(r record) ring.Record {
	key := r.key()
	m := s.messages[key]
	if m == nil {
		s.came++
		m = &Message{ID: r.ID, Epoch: r.Epoch, At: r.At, nth: s.came}
		if r.Envelope != nil {
			m.ID = r.Envelope.Name()
		}
		s.messages[key] = m
	}
	m.parts = max(m.parts, r.Part+1)
	text := place{key: key, part: r.Part, bytes: r.Bytes, size: r.Size}
	if r.Envelope != nil {
		m.Envelope = r.Envelope
	} else if !slices.ContainsFunc(m.Copies, func(c Copy) bool { return c.text.part == r.Part }) { // a kill left it in two files
		m.Copies = slices.Clip(m.Copies) // readers have the slice
		for i, c := range r.Copies {
			c.At, c.Epoch, c.text, c.index, c.Head = r.At, r.Epoch, text, i, "" // its head is read when it is wanted
			m.Copies = append(m.Copies, c)
		}
	}
	return ring.Record{Key: key, Owner: m.owner(), At: m.At, Part: r.Part}
}

// owner is whose a message is: of whom it came, then for whom, then as whom. So neither mail to oneself nor mail under
// another's name pushes a third one's out.
func (m *Message) owner() string {
	level := func(name string) string { return strings.ReplaceAll(strings.ToLower(name), "/", "_") }
	from, sender, to := "", "", ""
	if e := m.Envelope; e != nil {
		from, sender = cmp.Or(e.ClientAddr, fmt.Sprint("uid ", e.UID)), e.Sender.Full
		if len(e.Recipients) > 0 {
			to = e.Recipients[0].Full
		}
	}
	if len(m.Copies) > 0 {
		to = m.Copies[0].Account
	}
	return level(from) + "/" + level(to) + "/" + level(sender)
}

// split finds a record in a file of an earlier run. What a killed daemon left torn only takes room.
func (s *Store) split(text []byte) (ring.Record, int) {
	line, rest, whole := bytes.Cut(text, []byte{'\n'})
	r, err := readHead(line)
	if !whole || err != nil || len(rest) <= r.Bytes {
		return ring.Record{}, len(text)
	}
	return s.take(r), len(line) + r.Bytes + 2
}

// Flush writes all that waits.
func (s *Store) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	s.said(s.ring.Flush())
}

// Clear removes everything.
func (s *Store) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.Clear()
}

// Close writes all that waits.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said(s.ring.Close())
}

// said notes what cannot be written.
func (s *Store) said(err error) {
	if err != nil {
		s.cfg.Slog.Error("deliveries not recorded", "dir", s.cfg.Dir, "err", err)
	}
}
