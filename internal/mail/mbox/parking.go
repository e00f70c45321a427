package mbox

import (
	"context"
	"os"
	"strings"
	"sync"
)

// Parking is where the descriptor of a mailbox waits while the mailbox is rewritten, so that a process that is killed in
// the middle keeps its lease and its lock: both belong to the open file, and that lives as long as somebody has it. Whoever
// waits for the mailbox goes on waiting, until the next process has done the rewrite again. Without it a mail reader could
// open half a rewrite, and later save what it took for messages.
//
// It is a pair of connected sockets, and the descriptor is a message in it that nobody reads. Somebody who outlives the
// process has both sockets too, and hands them to the next one; he does nothing with them.
//
// Invariant: one descriptor at most is in it, that of the mailbox between the writing of its redo file and the end of its
// rewrite.
type Parking struct {
	In, Out *os.File

	mu sync.Mutex // held while a descriptor is in it
}

// leave parks a mailbox until release is called. When it cannot, the rewrite is as safe as without a parking.
func (p *Parking) leave(b *box) (release func()) {
	if p == nil {
		return func() {}
	}
	p.mu.Lock()
	if err := p.send(b.f, b.user+"\x00"+b.name); err != nil {
		p.mu.Unlock()
		b.spool.cfg.Log.Warn("not parked", "user", b.user, "box", b.name, "err", err)
		return func() {}
	}
	return func() {
		defer p.mu.Unlock()
		p.drop()
	}
}

// drop takes a descriptor out. It was a copy: nothing ends with it as long as there is another one.
func (p *Parking) drop() {
	if _, f, err := p.receive(false); err == nil && f != nil {
		_ = f.Close()
	}
}

// fetch finishes what a process that was killed has left in the parking. It stays there meanwhile: this process may be
// killed, too.
func (s *Spool) fetch() {
	p := s.cfg.Parking
	if p == nil {
		return
	}
	name, f, err := p.receive(true)
	if err != nil {
		s.cfg.Log.Error("the parking cannot be read", "err", err)
	}
	if f == nil {
		return
	}
	user, name, _ := strings.Cut(name, "\x00")
	if err := s.finish(user, name, f); err != nil {
		s.cfg.Log.Error("a rewrite that was cut off waits", "user", user, "box", name, "err", err)
	}
	p.drop()
}

// finish does a rewrite again on a descriptor that has the mailbox's lease and lock.
func (s *Spool) finish(user, name string, f *os.File) error {
	b := newBox(s, user, name)
	b.f, b.lock = f, newFileLock(f)
	if path, err := s.path(context.Background(), user, name); err == nil {
		b.path = path
	}
	defer b.close()
	if err := b.lock.acquire(writeLock); err != nil {
		return err
	}
	defer b.lock.release(writeLock)
	if unlock, err := s.cfg.Files.Lock(context.Background(), user, b.path); err == nil { // the dead one's was broken
		defer unlock()
	}
	return (rewriter{b}).replay()
}
