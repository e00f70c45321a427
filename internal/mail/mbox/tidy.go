package mbox

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"maillab/internal/mail"
)

// Tidy writes flags into the files and removes expunged messages from them, where that is due and nobody else has the
// file open. Call it every second or so. A mailbox that cannot be tidied now is tried again at the next call.
//
// It is due at once when it costs little, when the mailbox has been quiet for a while otherwise, and always when the
// last session ends.
func (s *Spool) Tidy(ctx context.Context) error {
	open, closed := s.due()
	var errs []error
	for _, b := range open {
		rewriter{b}.tidy(ctx, rewriter{b}.worth())
		errs = append(errs, s.releaseAfter(b, always))
	}
	for _, key := range closed {
		errs = append(errs, s.tidyClosed(ctx, key))
	}
	return errors.Join(errs...)
}

// due returns the mailboxes in use, held, and those that were closed with something left to do.
func (s *Spool) due() (open []*box, closed []boxKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boxes {
		b.refs++
		open = append(open, b)
	}
	for key := range s.untidy {
		if s.boxes[key] == nil {
			closed = append(closed, key)
		}
	}
	return open, closed
}

// tidyClosed opens a mailbox for nothing but its last release, which tidies.
func (s *Spool) tidyClosed(ctx context.Context, key boxKey) error {
	m, err := s.Mailbox(ctx, key.user, key.name)
	if errors.Is(err, mail.ErrNoMailbox) {
		s.remember(key, false)
		return nil
	}
	if err != nil {
		return err
	}
	return s.releaseAfter(m.b, always)
}

// remember notes whether a mailbox is left untidy.
func (s *Spool) remember(key boxKey, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left {
		s.untidy[key] = true
	} else {
		delete(s.untidy, key)
	}
}

// How many octets may be rewritten when.
const (
	cheap    = 1 << 20       // while sessions use the mailbox
	bearable = 8 << 20       // while the last session waits for its end
	always   = math.MaxInt64 // in the background, or when the mailbox has been quiet for a while
	quiet    = 10 * time.Second
)

// worth is how much rewriting an open mailbox is worth now.
func (b rewriter) worth() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.spool.cfg.Now().Sub(b.touched) < quiet {
		return cheap
	}
	return always
}

// tidy tries once to bring the file in line with the picture, if that takes no more than limit octets.
func (b rewriter) tidy(ctx context.Context, limit int64) {
	cost, known := b.untidy()
	if !known {
		return
	}
	if cost > 0 && cost <= limit && b.mayTidy() {
		err := b.tryLocked(ctx, aims{kind: writeLock, verify: true}, func() error { return b.rewrite(ctx) })
		if err != nil && !errors.Is(err, mail.ErrLocked) && !errors.Is(err, errAgain) {
			b.spool.cfg.Log.Warn("mailbox not tidied", "user", b.user, "box", b.name, "error", err)
			b.tidyLater()
		}
		cost, _ = b.untidy()
	}
	b.spool.remember(boxKey{b.user, b.name}, cost > 0)
}

// mayTidy is false for a while after a rewrite failed, as on a full disk.
func (b rewriter) mayTidy() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return !b.spool.cfg.Now().Before(b.notBefore)
}

func (b rewriter) tidyLater() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notBefore = b.spool.cfg.Now().Add(quiet)
}

// untidy tells how much of the file would have to be rewritten, if we know the mailbox.
func (b rewriter) untidy() (cost int64, known bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !b.loaded || b.f == nil || b.readOnly {
		return 0, b.loaded
	}
	first := b.known.size
	for i := range b.msgs {
		if b.msgs[i].dirty() {
			first = min(first, b.msgs[i].start)
		}
	}
	return b.known.size - first, true
}

// dirty tells that the file does not say of a message what we know.
func (m *message) dirty() bool {
	const told = mail.Seen | mail.Answered | mail.Flagged | mail.Draft
	return m.expunged || (m.Flags^m.mark)&told != 0 || !slices.Equal(m.Keywords, m.markWords)
}
