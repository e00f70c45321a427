package mbox

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"maillab/internal/mail"
)

// The locks of a mailbox, from the outside in:
//
//  0. spool.gate: held for reading by all that follow, for writing by Freeze.
//  1. box.turn: who may append, look or rewrite. Held over file I/O, never over anybody's network.
//  2. fileLock: the kernel's lock, against other programs. Ours is one open file, so the kernel sees one holder,
//     whatever goes on inside; fileLock counts.
//  3. the dotlock, for writing only: root's mailutils knows no other.
//  4. box.mu: the picture that readers see, and the bytes below it: whoever moves bytes in the file holds it.
//
// Nothing waits for 2 or 3 while it holds 1: a student who locks a mailbox delays changes of that mailbox, and nothing
// else.

// errAgain is a file that was replaced while we took its lock.
var errAgain = errors.New("mailbox was replaced")

// aims says what a box is locked for.
type aims struct {
	kind   lockKind
	create bool // make the mailbox when there is none
	verify bool // make sure that the name still leads to this file
}

// locked runs work with the box's turn and its file locked. Without a file (there is none, and none is to be created)
// work runs with b.f nil. It tries again, more and more slowly, while others hold the lock, up to Config.LockWait.
func (b *box) locked(ctx context.Context, a aims, work func() error) error {
	var waited time.Duration
	for wait := time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		err := b.tryLocked(ctx, a, work)
		if errors.Is(err, errAgain) && waited < b.spool.cfg.LockWait {
			waited += time.Millisecond
			continue
		}
		if !errors.Is(err, mail.ErrLocked) || waited >= b.spool.cfg.LockWait || b.spool.hurried.Load() > 0 {
			return err
		}
		waited += wait
		if err := b.spool.cfg.pause(ctx, wait); err != nil {
			return err
		}
	}
}

// tryLocked is one try.
func (b *box) tryLocked(ctx context.Context, a aims, work func() error) error {
	done, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer done()
	if strings.Contains(b.name, "/") { // the directories that it is in stay where they are until we are through
		b.spool.tree.RLock()
		defer b.spool.tree.RUnlock()
		if b.path, err = b.spool.path(ctx, b.user, b.name); err != nil {
			return err
		}
	}
	if err := b.open(ctx, a.create); err != nil || b.f == nil {
		if err == nil {
			err = b.withoutFile(ctx, work)
		}
		return err
	}
	if !b.recovered && !b.readOnly {
		a.kind = writeLock
	}
	if err := b.lock.acquire(a.kind); err != nil {
		return classify(b.what("locking"), err)
	}
	defer b.lock.release(a.kind)
	if a.kind == writeLock {
		unlock, err := b.spool.cfg.Files.Lock(ctx, b.user, b.path)
		if err == nil {
			defer unlock()
		} else if !errors.Is(err, fs.ErrPermission) { // a student may take the directory's write permission away
			return classify(b.what("locking"), err)
		}
	}
	// Only now: root's mail renames while it holds the dotlock, and what is written to the old file then is lost.
	if err := b.check(ctx, a.verify); err != nil {
		return err
	}
	if a.kind == writeLock {
		if err := b.recover(ctx); err != nil {
			return err
		}
	}
	return work()
}

// withoutFile runs work when there is no file. Root's mail renames twice when it saves, and between the two there is none
// either: only who has the dotlock knows. To forget all messages, and find them again a moment later, would give them
// other UIDs, and bring back those that were expunged.
func (b *box) withoutFile(ctx context.Context, work func() error) error {
	b.mu.RLock()
	known := b.loaded && len(b.msgs) == 0
	b.mu.RUnlock()
	if known {
		return work()
	}
	unlock, err := b.spool.cfg.Files.Lock(ctx, b.user, b.path)
	switch {
	case err == nil:
		defer unlock()
	case !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist): // no directory: no file
		return classify(b.what("locking"), err)
	}
	if err := b.open(ctx, false); err != nil {
		return err
	}
	if b.f != nil {
		return errAgain
	}
	return work()
}

// enter waits for the box's turn, and before that for the end of a Freeze.
func (b *box) enter(ctx context.Context) (done func(), err error) {
	b.spool.gate.RLock()
	select {
	case <-b.turn:
	case <-ctx.Done():
		b.spool.gate.RUnlock()
		return nil, ctx.Err()
	}
	return func() {
		b.turn <- struct{}{}
		b.spool.gate.RUnlock()
	}, nil
}
