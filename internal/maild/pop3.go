package maild

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"maillab/internal/lesson"
	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/pop3"
)

// drops lets POP3 sessions into the spool.
type drops struct{ d *Daemon }

// Login implements pop3.Backend.
func (b drops) Login(ctx context.Context, user, password string, peer mail.Peer) (string, pop3.Maildrop, error) {
	if _, fails := b.d.faults.fails(ctx, "pop3", "login"); fails {
		return "", nil, mail.ErrTryLater
	}
	account, err := b.d.auth.Verify(ctx, user, password, peer.Host())
	if err != nil {
		return "", nil, err
	}
	release, ok := b.d.drops.take(account)
	if !ok {
		return account, nil, mail.ErrInUse
	}
	var box *mbox.Mailbox
	err = b.d.sessions.login(ctx, account, func() (err error) {
		box, err = b.d.spool.Mailbox(ctx, account, mbox.Inbox)
		return err
	})
	if err != nil {
		release()
		return account, nil, err
	}
	return account, newMaildrop(b.d, account, box, release), nil
}

// maildrop is one POP3 session's view, fixed at login.
type maildrop struct {
	d        *Daemon
	account  string
	box      *mbox.Mailbox
	release  func() // of the account's name
	uids     []uint32
	messages []pop3.Message
}

func newMaildrop(d *Daemon, account string, box *mbox.Mailbox, release func()) *maildrop {
	m := &maildrop{d: d, account: account, box: box, release: release}
	snapshot := box.Snapshot()
	for _, message := range snapshot.Messages {
		m.uids = append(m.uids, message.UID)
		m.messages = append(m.messages, pop3.Message{Size: message.Size, UIDL: uidl(d.cfg.Spec.Services.POP3.Wording, message.UID, snapshot.UIDValidity)})
	}
	return m
}

// uidl makes a unique ID from a UID, in the form of the server whose words are used. It never follows the position.
func uidl(wording string, uid, validity uint32) string {
	if wording == "dovecot" {
		return fmt.Sprintf("%08x%08x", uid, validity)
	}
	return fmt.Sprintf("UID%d-%d", uid, validity)
}

// Messages implements pop3.Maildrop.
func (m *maildrop) Messages() []pop3.Message { return m.messages }

// Open implements pop3.Maildrop. The message is read to its end before anything is promised of it: any program may remove
// it from the mailbox while a slow client takes it.
func (m *maildrop) Open(_ context.Context, i int) (io.ReadCloser, error) {
	raw, err := m.box.Open(m.uids[i])
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	release := m.box.Hold()
	defer release()
	return m.d.taken.read(raw, m.d.cfg.StateDir)
}

// Commit implements pop3.Maildrop.
func (m *maildrop) Commit(ctx context.Context, deleted []int) error {
	uids := make([]uint32, len(deleted))
	for i, at := range deleted {
		uids[i] = m.uids[at]
	}
	_, err := m.box.Expunge(ctx, uids)
	return err
}

// Close implements pop3.Maildrop.
func (m *maildrop) Close() error {
	defer m.release()
	return m.box.Close()
}

// taken counts the octets of messages that clients are taking and that are held in memory. What would be too much goes to a
// file.
type taken struct{ octets atomic.Int64 }

// At most heldOctets are held in all, and of one message heldOfOne.
const (
	heldOctets = 4 << 20
	heldOfOne  = 256 << 10
)

func (t *taken) read(raw mail.Raw, dir string) (io.ReadCloser, error) {
	size := raw.Size()
	if size > heldOfOne || t.octets.Add(size) > heldOctets {
		if size <= heldOfOne {
			t.octets.Add(-size)
		}
		return spill(raw, dir)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(raw, 0, size), text); err != nil {
		t.octets.Add(-size)
		return nil, err
	}
	return &held{bytes.NewReader(text), func() { t.octets.Add(-size) }}, nil
}

// held is a message in memory.
type held struct {
	*bytes.Reader
	give func()
}

// Close implements io.Closer.
func (h *held) Close() error { h.give(); return nil }

// spill copies a message to a file that is gone when it is closed.
func spill(raw mail.Raw, dir string) (io.ReadCloser, error) {
	f, err := lesson.Stage(dir)
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(f, io.NewSectionReader(raw, 0, raw.Size()))
	if err == nil && n < raw.Size() {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
