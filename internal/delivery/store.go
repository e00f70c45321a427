package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config of a Store. Only Dir has to be set.
type Config struct {
	Dir        string // made when it is not there, 0700
	MaxMessage int    // octets kept of one message; 0 is 256 KiB
	MaxTotal   int64  // octets of all files; 0 is 32 MiB. The oldest go, a sixteenth at a time.
	Flush      time.Duration
	Now        func() time.Time
	AfterFunc  func(time.Duration, func()) // nil is time.AfterFunc
	Slog       *slog.Logger                // files that cannot be written; nil: thrown away
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
	suffix     = ".mail"
	segments   = 16       // files when the bound is reached
	maxWaiting = 64 << 10 // octets that may wait to be written
	maxRecent  = 1024     // queue IDs that are remembered as delivered
)

// Store keeps records in a directory. Its methods may be called at the same time.
//
// Invariants: files are numbered upwards, only the last one is written, and from its beginning: one that an earlier run
// left, perhaps torn, is never added to. What waits belongs behind the last file's end, and size counts it.
type Store struct {
	cfg Config

	mu      sync.Mutex
	files   []segment // the oldest first
	out     *os.File  // the last of files; nil: the next record begins another
	waiting []byte
	armed   bool            // a timer will flush
	recent  map[string]bool // queue IDs with a delivered record
}

type segment struct {
	number int
	size   int64
}

// Open makes the directory, or takes over what is in it.
func Open(cfg Config) (*Store, error) {
	cfg.fill()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	s := &Store{cfg: cfg, recent: map[string]bool{}}
	for _, e := range entries { // sorted
		name, ours := strings.CutSuffix(e.Name(), suffix)
		number, err := strconv.Atoi(name)
		info, infoErr := e.Info()
		if !ours || err != nil || len(name) != 8 || infoErr != nil || !e.Type().IsRegular() {
			continue
		}
		s.files = append(s.files, segment{number, info.Size()})
	}
	return s, nil
}

// Taken records that a client's message was accepted. text is the message, or its beginning, of size octets.
func (s *Store) Taken(epoch int, e Envelope, text []byte, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recent[e.ID] {
		text = nil
	}
	s.put(record{Kind: kindTaken, Epoch: epoch, Envelope: &e, Size: size}, text)
}

// Delivered records copies of one message that are in their mailboxes. text is the message without the copies' heads.
func (s *Store) Delivered(epoch int, id string, copies []Copy, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recent) >= maxRecent {
		clear(s.recent)
	}
	s.recent[id] = true
	s.put(record{Kind: kindDelivered, Epoch: epoch, ID: id, Copies: copies, Size: len(text)}, text)
}

// put appends a record to what waits. mu is held.
func (s *Store) put(r record, text []byte) {
	text = text[:min(len(text), s.cfg.MaxMessage)]
	r.Version, r.At, r.Bytes = version, s.cfg.Now().UTC(), len(text)
	line, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("delivery: a record does not marshal: %v", err)) // plain data: our own bug
	}
	size := len(line) + len(text) + 2
	if err := s.room(int64(size)); err != nil {
		s.said(err)
		return
	}
	s.waiting = append(append(s.waiting, line...), '\n')
	s.waiting = append(append(s.waiting, text...), '\n')
	s.files[len(s.files)-1].size += int64(size)
	if len(s.waiting) >= maxWaiting {
		s.said(s.write())
		return
	}
	if !s.armed {
		s.armed = true
		s.cfg.AfterFunc(s.cfg.Flush, s.Flush)
	}
}

// room begins another file when the last one is full, and removes the oldest when there are too many.
func (s *Store) room(size int64) error {
	if s.out != nil && s.files[len(s.files)-1].size+size <= s.cfg.MaxTotal/segments {
		return nil
	}
	if err := errors.Join(s.write(), s.close()); err != nil {
		return err
	}
	number := 1
	if n := len(s.files); n > 0 {
		number = s.files[n-1].number + 1
	}
	f, err := os.OpenFile(s.path(number), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	s.out = f
	s.files = append(s.files, segment{number: number})
	return s.prune()
}

// prune removes the oldest files until there is room for what the last one may take.
func (s *Store) prune() error {
	var errs []error
	for len(s.files) > 1 && s.total() > s.cfg.MaxTotal-s.cfg.MaxTotal/segments {
		errs = append(errs, os.Remove(s.path(s.files[0].number)))
		s.files = slices.Delete(s.files, 0, 1)
	}
	return errors.Join(errs...)
}

func (s *Store) total() (n int64) {
	for _, f := range s.files {
		n += f.size
	}
	return n
}

// write writes what waits. When it fails, that is lost, and the file is given up.
func (s *Store) write() error {
	if len(s.waiting) == 0 || s.out == nil {
		return nil
	}
	_, err := s.out.Write(s.waiting)
	s.waiting = s.waiting[:0]
	if cap(s.waiting) > 4*maxWaiting {
		s.waiting = nil // one large message must not cost memory for ever
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	return nil
}

func (s *Store) close() error {
	if s.out == nil {
		return nil
	}
	err := s.out.Close()
	s.out, s.waiting = nil, nil
	return err
}

// Flush writes all that waits.
func (s *Store) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	s.said(s.write())
}

// Clear removes everything.
func (s *Store) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := []error{s.close()}
	for _, f := range s.files {
		errs = append(errs, os.Remove(s.path(f.number)))
	}
	s.files = nil
	clear(s.recent)
	return errors.Join(errs...)
}

// Close writes all that waits.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said(errors.Join(s.write(), s.close()))
}

func (s *Store) path(number int) string {
	return filepath.Join(s.cfg.Dir, fmt.Sprintf("%08d%s", number, suffix))
}

// said notes what cannot be written.
func (s *Store) said(err error) {
	if err != nil {
		s.cfg.Slog.Error("deliveries not recorded", "dir", s.cfg.Dir, "err", err)
	}
}
