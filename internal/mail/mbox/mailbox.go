package mbox

import (
	"context"
	"errors"
	"sync"

	"maillab/internal/mail"
)

// Mailbox is one session's handle of a mailbox. All sessions and deliveries share one state. It is safe for concurrent use.
type Mailbox struct {
	b    *box
	once sync.Once
}

// Mailbox opens a user's mailbox and looks at the file. A folder that does not exist is ErrNoMailbox; an INBOX without a
// file is empty. Close it in the end.
func (s *Spool) Mailbox(ctx context.Context, user, name string) (*Mailbox, error) {
	b, err := s.box(user, name)
	if err != nil {
		return nil, err
	}
	m := &Mailbox{b: b}
	if err := m.Refresh(ctx); err != nil {
		_ = s.release(b)
		return nil, err
	}
	return m, nil
}

// Close ends the session's use of the mailbox. What the last one leaves is saved.
func (m *Mailbox) Close() (err error) {
	m.once.Do(func() { err = m.b.spool.release(m.b) })
	return err
}

// Refresh looks whether somebody else changed the file: one stat when nobody did. While another program keeps the
// mailbox locked the picture stays as it was, without an error, except for the first look.
func (m *Mailbox) Refresh(ctx context.Context) error {
	err := m.b.tryLocked(ctx, aims{kind: readLock}, func() error { return m.b.look(ctx) })
	if err == nil {
		return nil
	}
	m.b.mu.RLock()
	loaded := m.b.loaded
	m.b.mu.RUnlock()
	if loaded && errors.Is(err, mail.ErrLocked) {
		return nil
	}
	err = m.b.locked(ctx, aims{kind: readLock}, func() error { return m.b.look(ctx) })
	if loaded && errors.Is(err, mail.ErrLocked) {
		return nil
	}
	return err
}

// Snapshot returns what the last look found. It reads nothing.
func (m *Mailbox) Snapshot() mail.Snapshot {
	b := m.b
	b.mu.RLock()
	if b.snapshot == nil {
		b.mu.RUnlock()
		b.mu.Lock()
		defer b.mu.Unlock()
	} else {
		defer b.mu.RUnlock()
	}
	return mail.Snapshot{UIDValidity: b.validity, UIDNext: b.next, ModSeq: b.modseq, Messages: b.snap(), Vanished: b.gone, Since: b.since}
}

// Look is Refresh and Snapshot.
func (m *Mailbox) Look(ctx context.Context) (mail.Snapshot, error) {
	if err := m.Refresh(ctx); err != nil {
		return mail.Snapshot{}, err
	}
	return m.Snapshot(), nil
}

// Changed returns a channel that is closed at the next change of the mailbox that this process makes or finds by a look.
// Take it before the snapshot it is about. What other programs change is found by Refresh only: poll.
func (m *Mailbox) Changed() <-chan struct{} {
	m.b.mu.RLock()
	defer m.b.mu.RUnlock()
	return m.b.changed
}

// Open opens a message for reading. It reads nothing yet. Close the content in the end.
func (m *Mailbox) Open(uid uint32) (mail.Raw, error) {
	m.b.mu.RLock()
	defer m.b.mu.RUnlock()
	i, ok := m.b.find(uid)
	if !ok {
		return nil, mail.ErrGone
	}
	msg := &m.b.msgs[i]
	m.b.pins.add(uid, 1)
	return &Content{box: m.b, uid: uid, size: msg.Size, header: msg.HeaderSize}, nil
}

// Append adds messages, all or none, to this mailbox (User and Box of each are not looked at) and returns their UIDs
// when they are durable. When the mailbox could not be read afterwards they are there all the same, and their UIDs are
// not told: nil.
func (m *Mailbox) Append(ctx context.Context, ds []mail.Delivery) ([]uint32, error) {
	if len(ds) == 0 {
		return nil, nil
	}
	r := &request{wantUIDs: true, done: make(chan struct{})}
	for _, d := range ds {
		r.messages = append(r.messages, &d)
	}
	appender{m.b}.submit(r)
	if err := (appender{m.b}).wait(ctx, r); err != nil {
		return nil, err
	}
	if len(r.uids) != len(ds) {
		return nil, nil
	}
	return r.uids, nil
}
