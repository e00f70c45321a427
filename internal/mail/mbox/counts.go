package mbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"maillab/internal/mail"
)

// Counts is a short look at an INBOX.
type Counts struct{ Messages, Unread int }

// counted is Counts with the state of the file that it is about.
type counted struct {
	Counts
	at stamp
}

// Counts counts a user's INBOX: one open and one stat when nothing changed since the last time.
func (s *Spool) Counts(ctx context.Context, user string) (Counts, error) {
	at, err := s.stampOf(ctx, user)
	if err != nil {
		return Counts{}, err
	}
	if at.size == 0 {
		return Counts{}, nil // nineteen of twenty: not worth an index
	}
	s.mu.Lock()
	c, ok := s.counts[user]
	b := s.boxes[boxKey{user, Inbox}]
	s.mu.Unlock()
	if ok && b == nil && c.at == at {
		return c.Counts, nil
	}
	m, err := s.Mailbox(ctx, user, Inbox)
	if err != nil {
		return Counts{}, err
	}
	defer m.Close()
	c = counted{Counts: count(m.Snapshot().Messages)}
	m.b.mu.RLock()
	c.at = m.b.known
	m.b.mu.RUnlock()
	s.mu.Lock()
	s.counts[user] = c
	s.mu.Unlock()
	return c.Counts, nil
}

func (s *Spool) stampOf(ctx context.Context, user string) (stamp, error) {
	f, err := s.openPatiently(ctx, user, Inbox)
	if errors.Is(err, fs.ErrNotExist) {
		return stamp{}, nil
	}
	if err != nil {
		return stamp{}, classify("opening INBOX of "+user, err)
	}
	defer f.Close()
	at, _, err := stampFile(f)
	return at, err
}

func count(messages []mail.Message) (c Counts) {
	c.Messages = len(messages)
	for i := range messages {
		if messages[i].Flags&mail.Seen == 0 {
			c.Unread++
		}
	}
	return c
}

// openPatiently opens a box for reading. Under a lease, as while somebody rewrites it, it waits as long as for a lock.
func (s *Spool) openPatiently(ctx context.Context, user, box string) (f *os.File, err error) {
	var waited time.Duration
	for wait := time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		f, err = s.cfg.Files.Open(ctx, user, box, os.O_RDONLY)
		if !isBusy(err) || waited >= s.cfg.LockWait || s.hurried.Load() > 0 {
			return f, err
		}
		waited += wait
		if err := s.cfg.pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}
