package mbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"maillab/internal/mail"
	"maillab/internal/period"
)

// Config is what a Spool is made from. Files and StateDir are required.
type Config struct {
	Files    Files
	StateDir string         // the daemon's own: indexes, redo files; created with 0700
	Zone     *time.Location // of the dates in From_ lines; nil is time.Local
	Now      func() time.Time
	LockWait time.Duration // how long a mailbox may stay locked by others before ErrLocked; 0 is ten seconds
	// Room refuses octets for which a user has no room, with mail.ErrFull; nil refuses none. It is asked with the mailbox
	// locked, and may ask Used.
	Room    func(ctx context.Context, user string, octets int64) error
	Parking *Parking     // keeps locks over this process' death; nil is none
	Log     *slog.Logger // what was recovered or could not be done; nil is silent

	pause func(context.Context, time.Duration) error // between two tries
	disk  disk
}

// Spool is all mailboxes of a sandbox. One process has one; it is safe for concurrent use.
type Spool struct {
	cfg     Config
	slots   chan struct{} // bounds how many mailboxes are written at the same time
	leader  sync.WaitGroup
	buffers sync.Pool    // of Content
	appends sync.Pool    // of append
	hurried atomic.Int32 // who is in a hurry, see Hurry
	tree    sync.RWMutex // held for reading while a path below a directory is used, for writing while directories change
	gate    sync.RWMutex // held for reading by whatever changes a file, for writing by Freeze

	mu     sync.Mutex
	boxes  map[boxKey]*box
	untidy map[boxKey]bool // closed with something left to do in the file
	counts map[string]counted
	closed bool
}

type boxKey struct{ user, name string }

// writers is how many mailboxes are written and synced side by side. The file system commits concurrent syncs
// together, so more is faster up to a point; each one holds two descriptors and a buffer.
const writers = 32

// New opens the spool. Nothing is read before a mailbox is used: each is recovered when it is touched first, but for one
// that waits in the parking.
func New(cfg Config) (*Spool, error) {
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.LockWait == 0 {
		cfg.LockWait = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.pause == nil {
		cfg.pause = period.Wait
	}
	if cfg.disk == nil {
		cfg.disk = realDisk{}
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("state of the spool: %w", err)
	}
	s := &Spool{
		cfg:    cfg,
		slots:  make(chan struct{}, writers),
		boxes:  map[boxKey]*box{},
		untidy: map[boxKey]bool{},
		counts: map[string]counted{},
	}
	s.fetch()
	return s, nil
}

// Close waits for deliveries that are under way and saves what is known of each mailbox. Handles may be closed later.
func (s *Spool) Close() error {
	s.mu.Lock()
	s.closed = true
	var open []*box
	for _, b := range s.boxes {
		open = append(open, b)
	}
	s.mu.Unlock()
	s.leader.Wait()
	var errs []error
	for _, b := range open {
		errs = append(errs, b.shut())
	}
	return errors.Join(errs...)
}

var errClosed = errors.New("spool is closed")

// box returns the shared state of a mailbox and holds it until release.
func (s *Spool) box(user, name string) (*box, error) {
	if name == "" {
		name = Inbox
	}
	if user == "" || name == ".forward" {
		return nil, fmt.Errorf("mailbox %q of %q: %w", name, user, mail.ErrBadName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	key := boxKey{user, name}
	b := s.boxes[key]
	if b == nil {
		b = newBox(s, user, name)
		s.boxes[key] = b
	}
	b.refs++
	return b, nil
}

// release lets go of a box. The last one tidies it up and closes its file: an open file in our hands would keep others
// from being alone with it, and thirty idle mailboxes should cost nothing.
func (s *Spool) release(b *box) error { return s.releaseAfter(b, bearable) }

// releaseAfter is release; a rewrite of more octets than the limit is left to Tidy.
func (s *Spool) releaseAfter(b *box, limit int64) error {
	s.mu.Lock()
	b.refs--
	last := b.refs == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	rewriter{b}.tidy(context.Background(), limit)
	done, _ := b.enter(context.Background())
	defer done()
	s.mu.Lock()
	held := b.refs > 0
	s.mu.Unlock()
	if held {
		return nil
	}
	err := b.close()
	b.forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.refs == 0 { // whoever asked for it while it was being closed waits for its turn and opens it again
		delete(s.boxes, boxKey{b.user, b.name})
	}
	return err
}

// Freeze brings all mailboxes to rest: it waits for what is being written, writes down all that is known, closes every
// file, and lets nothing be opened or changed until thaw is called. Meanwhile the spool files, the folders and the state
// directory may be copied or replaced. Sessions go on afterwards with whatever they find then: a mailbox that was
// replaced without its index has another UIDVALIDITY. Deliveries wait; reading a message waits too.
func (s *Spool) Freeze() (thaw func(), err error) {
	s.gate.Lock()
	s.mu.Lock()
	var errs []error
	for _, b := range s.boxes {
		errs = append(errs, b.close())
	}
	clear(s.counts)
	s.mu.Unlock()
	if err := errors.Join(errs...); err != nil {
		s.gate.Unlock()
		return nil, fmt.Errorf("freezing the spool: %w", err)
	}
	return s.gate.Unlock, nil
}

// statePath is where the daemon keeps something about a mailbox.
func (s *Spool) statePath(user, name, suffix string) string {
	return filepath.Join(s.cfg.StateDir, escape(user), escape(name)+suffix)
}

// escape makes one path element of a name, and another one of every other name.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c == '/' || c == '%' || c < ' ' || c == 0x7f || c == '.' && i == 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
