package recording

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/ring"
)

// Kept is a recording as a list shows it.
type Kept struct {
	ID      string    `json:"id"` // sorts by start
	Student string    `json:"student"`
	Start   time.Time `json:"start"`
	Last    time.Time `json:"last"` // when something came last
	Octets  int       `json:"octets"`
	Title   string    `json:"title,omitempty"`
}

// keeping is a recording, and how many pieces of it have come.
type keeping struct {
	Kept
	parts int
}

// ErrNotFound is a recording that there is not, or no more.
var ErrNotFound = errors.New("no such recording")

// StoreConfig is what a Store is made of. Only Dir has to be set.
type StoreConfig struct {
	Dir      string // made when it is not there, 0700
	MaxTotal int64  // octets of all files; 0 is 32 MiB. Whose go is said in package ring: of who has most, the oldest.
	Now      func() time.Time
}

// pieceSize and pieceTime bound how much of a recording waits to be written.
const (
	pieceSize = 32 << 10
	pieceTime = 2 * time.Second
	maxKept   = 2000
)

// Store keeps recordings in a directory, in files of package ring with the suffix .cast: each record is a line of JSON about it
// and a piece of the recording, which need not end where a line does. Its methods may be called at the same time.
//
//	{"v":1,"id":"20260326T110905.123-1","student":"alice","start":"…","at":"…","part":0,"bytes":312}
type Store struct {
	cfg StoreConfig

	mu   sync.Mutex
	ring *ring.Ring
	kept map[string]*keeping
	came int
}

// head is what stands before a piece.
type head struct {
	Version int       `json:"v"`
	ID      string    `json:"id"`
	Student string    `json:"student"`
	Start   time.Time `json:"start"`
	At      time.Time `json:"at"`
	Title   string    `json:"title,omitempty"`
	Part    int       `json:"part"`
	Bytes   int       `json:"bytes"`
}

// OpenStore makes the directory, or takes over what is in it.
func OpenStore(cfg StoreConfig) (*Store, error) {
	if cfg.MaxTotal == 0 {
		cfg.MaxTotal = 32 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Store{cfg: cfg, kept: map[string]*keeping{}}
	var err error
	s.ring, err = ring.Open(ring.Config{Dir: cfg.Dir, Suffix: ".cast", Octets: cfg.MaxTotal, Count: maxKept, Split: s.split,
		Lost: func(id string) { delete(s.kept, id) }})
	if err != nil {
		return nil, fmt.Errorf("recordings: %w", err)
	}
	return s, nil
}

// Take keeps a student's recording as it comes, until it ends, ctx ends, or it is too long. One that is torn off is kept up to there.
func (s *Store) Take(ctx context.Context, student string, in io.Reader) error {
	r := bufio.NewReaderSize(in, pieceSize)
	first, err := r.ReadSlice('\n')
	var h Header
	if err != nil || json.Unmarshal(first, &h) != nil || h.Version != 3 {
		return errors.New("what came is no recording: its first line is not that of an asciicast v3 file")
	}
	t := &taking{store: s, head: s.begin(student, h.Title)}
	defer t.flush()
	t.add(first)
	buffer := make([]byte, pieceSize)
	for room := MaxRecording - len(first); ; {
		n, err := r.Read(buffer)
		t.add(buffer[:min(n, room)])
		if room -= n; room < 0 {
			return ErrFull
		}
		if err != nil || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// PutBack keeps a recording that was read once, with what its ID and its first line say of it; last is when something came
// last. One that is there stays as it is.
func (s *Store) PutBack(student, id string, last time.Time, in io.Reader) error {
	s.mu.Lock()
	known := s.kept[id] != nil
	s.mu.Unlock()
	if known {
		return nil
	}
	stamp, _, _ := strings.Cut(id, "-")
	start, err := time.Parse(idForm, stamp)
	if err != nil {
		return fmt.Errorf("recording %q of %s: its ID says no time", id, student)
	}
	r := bufio.NewReaderSize(io.LimitReader(in, 2*MaxRecording), pieceSize)
	first, err := r.Peek(pieceSize)
	line, _, _ := bytes.Cut(first, []byte{'\n'})
	var about Header
	if len(first) == 0 || json.Unmarshal(line, &about) != nil || about.Version != 3 {
		return fmt.Errorf("recording %s of %s is none: %w", id, student, errors.Join(err, errors.New("its first line is not that of an asciicast v3 file")))
	}
	h := head{Version: 1, ID: id, Student: student, Start: start, Title: clip(about.Title)}
	for piece := make([]byte, pieceSize); ; h.Part++ {
		n, err := io.ReadFull(r, piece)
		if n > 0 {
			s.put(h, last, piece[:n])
		}
		if err != nil {
			return nil // its end; the ring keeps what it can, as always
		}
	}
}

// idForm is how an ID says when its recording began, in UTC.
const idForm = "20060102T150405.000"

// begin names a recording.
func (s *Store) begin(student, title string) head {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came++
	now := s.cfg.Now().UTC().Truncate(time.Millisecond) // as the ID has it
	return head{Version: 1, ID: fmt.Sprintf("%s-%d", now.Format(idForm), s.came), Student: student, Start: now, Title: clip(title)}
}

// clip bounds what a title may be.
func clip(title string) string { return strings.ToValidUTF8(title[:min(len(title), 200)], "") }

// taking is a recording that comes in.
type taking struct {
	store *Store
	head  head

	mu    sync.Mutex
	text  []byte
	timer *time.Timer
}

// add takes a piece; a while later, or when there is much, it is written.
func (t *taking) add(piece []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, piece...)
	switch {
	case len(t.text) >= pieceSize:
		t.write()
	case t.timer == nil:
		t.timer = time.AfterFunc(pieceTime, t.flush)
	}
}

func (t *taking) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write()
}

// write puts what waits into the ring. mu is held.
func (t *taking) write() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	if len(t.text) > 0 {
		t.store.put(t.head, t.store.cfg.Now(), t.text)
		t.head.Part++
		t.text = nil
	}
}

// put keeps a piece. One that cannot be written is lost: a session never fails for its recording.
func (s *Store) put(h head, at time.Time, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.At, h.Bytes = at.UTC(), len(text)
	line, err := json.Marshal(h)
	if err != nil {
		panic(fmt.Sprintf("recording: a head does not marshal: %v", err)) // plain data: our own bug
	}
	end := []byte{'\n'}
	_ = s.ring.Put(s.enter(h), line, end, text, end)
	_ = s.ring.Flush()
	if !s.ring.Has(h.ID) {
		delete(s.kept, h.ID)
	}
}

// enter takes a piece into what is known of its recording. mu is held, or nobody else is there yet.
func (s *Store) enter(h head) ring.Record {
	k := s.kept[h.ID]
	if k == nil {
		k = &keeping{Kept: Kept{ID: h.ID, Student: h.Student, Start: h.Start, Title: h.Title}}
		s.kept[h.ID] = k
	}
	if h.Part >= k.parts {
		k.parts, k.Last = h.Part+1, h.At
		k.Octets += h.Bytes
	}
	return ring.Record{Key: h.ID, Owner: "student/" + strings.ReplaceAll(h.Student, "/", "_"), At: h.Start, Part: h.Part}
}

// split finds a piece in a file of an earlier run.
func (s *Store) split(text []byte) (ring.Record, int) {
	line, rest, whole := bytes.Cut(text, []byte{'\n'})
	var h head
	if !whole || json.Unmarshal(line, &h) != nil || h.Version != 1 || h.ID == "" || h.Bytes < 0 || len(rest) <= h.Bytes {
		return ring.Record{}, len(text)
	}
	return s.enter(h), len(line) + h.Bytes + 2
}

// List are a student's recordings, the oldest first; "" is everybody's.
func (s *Store) List(student string) []Kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Kept{}
	for _, k := range s.kept {
		if student == "" || k.Student == student {
			all = append(all, k.Kept)
		}
	}
	slices.SortFunc(all, func(a, b Kept) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Read writes a recording of a student's.
func (s *Store) Read(student, id string, w io.Writer) error {
	s.mu.Lock()
	k := s.kept[id]
	if k == nil || k.Student != student {
		s.mu.Unlock()
		return ErrNotFound
	}
	pieces, err := s.ring.Get(id)
	s.mu.Unlock()
	for _, piece := range pieces {
		_, text, _ := bytes.Cut(piece, []byte{'\n'})
		if _, err := w.Write(bytes.TrimSuffix(text, []byte{'\n'})); err != nil {
			return err
		}
	}
	return err
}

// Clear removes everything.
func (s *Store) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.Clear()
}

// Close writes what waits.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.Close()
}
