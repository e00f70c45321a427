package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"maillab/internal/mail"
)

// box is the shared state of one mailbox, however many sessions and deliveries use it.
type box struct {
	spool      *Spool
	user, name string
	refs       int // guarded by spool.mu

	qmu     sync.Mutex // guards the queue of deliveries
	queue   []*request
	leading bool

	turn chan struct{} // holds one token: see lock.go

	// Changed only with the turn and mu; read with either.
	path      string   // of the file below ~/mail, see tree.go; found anew in each turn
	f         *os.File // nil: closed, or there is no file
	lock      *fileLock
	readOnly  bool
	fresh     bool      // opened in this turn
	verified  time.Time // when the name was last seen to lead to f
	recovered bool      // what a crash may have left is mended
	tail      tailNote
	tailFile  *os.File

	// Changed only with the turn and mu.
	indexFile  *os.File // open for appending; nil: not yet
	indexSize  int64    // where its next frame goes; 0: there is none that is any good
	indexWhole int64    // its size when it was last written whole
	indexDirty bool     // something of it is not synced

	mu        sync.RWMutex
	notBefore time.Time // of the next rewrite
	pins      pins
	picture
}

func newBox(s *Spool, user, name string) *box {
	b := &box{spool: s, user: user, name: name, path: name, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	b.changed = make(chan struct{})
	return b
}

func (b *box) what(doing string) string { return fmt.Sprintf("%s %s of %s", doing, b.name, b.user) }

// open makes sure that the file is open, if there is one. Needs the turn.
func (b *box) open(ctx context.Context, create bool) error {
	b.fresh = false
	if b.f != nil {
		return nil
	}
	f, readOnly, err := b.openFile(ctx, create)
	if errors.Is(err, fs.ErrNotExist) && !create && b.name == Inbox {
		return nil // an INBOX without a file is empty
	}
	if err != nil {
		return classify(b.what("opening"), err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.f, b.readOnly, b.fresh = f, readOnly, true
	b.lock = newFileLock(f)
	b.verified = b.spool.cfg.Now()
	return nil
}

// openFile opens the file for writing, or for reading only when its owner took the permission to write away.
func (b *box) openFile(ctx context.Context, create bool) (f *os.File, readOnly bool, err error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
	}
	files := b.spool.cfg.Files
	f, err = files.Open(ctx, b.user, b.path, flag)
	if errors.Is(err, fs.ErrPermission) && !create {
		f, err = files.Open(ctx, b.user, b.path, os.O_RDONLY)
		readOnly = true
	}
	if errors.Is(err, syscall.EISDIR) && b.name != Inbox {
		err = fmt.Errorf("%s is a directory: %w", b.path, mail.ErrNoMailbox) // it only has others below it
	}
	if err != nil {
		return nil, false, err
	}
	if err := plainMailbox(f); err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, readOnly, nil
}

// plainMailbox refuses what is no regular file, or one that has a second name: a hard link to somebody else's file.
func plainMailbox(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	_, links, err := stampFile(f)
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() || links > 1 {
		return fmt.Errorf("%v with %d links: %w", fi.Mode().Type(), links, mail.ErrBadName)
	}
	return nil
}

// verifyEvery is how often a look at a mailbox asks whether its name still leads to the open file. A removed or replaced
// file is seen at once (it has no name left); only one that was moved elsewhere is not.
const verifyEvery = 2 * time.Second

// check makes sure, with the lock held, that the open file is the one that the name leads to.
func (b *box) check(ctx context.Context, always bool) error {
	_, links, err := stampFile(b.f)
	if err != nil {
		return classify(b.what("looking at"), err)
	}
	if links > 1 {
		return fmt.Errorf("%s: %d links: %w", b.what("opening"), links, mail.ErrBadName)
	} else if links == 0 {
		b.drop()
		return errAgain
	}
	now := b.spool.cfg.Now()
	if b.fresh || !always && now.Sub(b.verified) < verifyEvery {
		return nil
	}
	same, err := b.nameLeadsTo(ctx)
	if err == nil && !same {
		b.drop()
		return errAgain
	}
	b.verified = now
	return err
}

func (b *box) nameLeadsTo(ctx context.Context) (bool, error) {
	f, err := b.spool.cfg.Files.Open(ctx, b.user, b.path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return errors.Is(err, fs.ErrPermission), nil
	}
	if err != nil {
		return false, classify(b.what("opening"), err)
	}
	defer f.Close()
	there, err := f.Stat()
	if err != nil {
		return false, classify(b.what("looking at"), err)
	}
	here, err := b.f.Stat()
	return err == nil && os.SameFile(there, here), err
}

// drop closes a file that the name no longer leads to. Its lock goes with it. Needs the turn.
func (b *box) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.f.Close()
	b.f = nil
	b.fresh = false
}

// close saves what is known and closes all files. What snapshots show stays until it is loaded again, or forgotten.
// Needs the turn.
func (b *box) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	if b.loaded {
		errs = append(errs, b.syncIndex())
	}
	errs = append(errs, b.closeIndex())
	if b.tailFile != nil {
		errs = append(errs, b.tailFile.Close())
	}
	if b.f != nil {
		errs = append(errs, b.f.Close())
	}
	b.f, b.tailFile, b.loaded, b.recovered = nil, nil, false, false
	return errors.Join(errs...)
}

func (b *box) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.picture = picture{changed: b.changed}
}

// shut saves what is known at the end of the process.
func (b *box) shut() error {
	done, _ := b.enter(context.Background())
	defer done()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.loaded {
		return nil
	}
	return b.syncIndex()
}

// recover mends once what a crash may have left. Needs the write lock.
func (b *box) recover(context.Context) error {
	if b.recovered {
		return nil
	}
	if err := b.openNote(); err != nil {
		return classify(b.what("reading the tail note of"), err)
	}
	if err := errors.Join((rewriter{b}).replay(), b.cutTail()); err != nil {
		return classify(b.what("mending"), err)
	}
	b.recovered = true
	return nil
}

// committed is the length that is known to have been synced.
func (b *box) committed(now stamp) int64 {
	if err := b.load(); err != nil || b.known.ino != now.ino || b.known.size > now.size {
		return 0
	}
	return b.known.size
}
