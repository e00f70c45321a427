package maild

import (
	"context"
	"errors"
	"fmt"
	"io"

	"maillab/internal/mail"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/pop3"
)

// drops lets POP3 sessions into the spool.
type drops struct{ d *Daemon }

// Login implements pop3.Backend.
func (b drops) Login(ctx context.Context, user, password, peer string) (string, pop3.Maildrop, error) {
	account, err := b.d.auth.Verify(ctx, user, password, peer)
	switch {
	case errors.Is(err, auth.ErrRejected):
		return "", nil, pop3.ErrRejected
	case err != nil:
		return "", nil, err
	}
	if !b.d.drops.take(account) {
		return account, nil, pop3.ErrInUse
	}
	var box *mbox.Mailbox
	err = b.d.sessions.login(ctx, account, func() (err error) {
		box, err = b.d.spool.Mailbox(ctx, account, mbox.Inbox)
		return err
	})
	if err != nil {
		b.d.drops.give(account)
		return account, nil, err
	}
	return account, newMaildrop(b.d, account, box), nil
}

// maildrop is one POP3 session's view, fixed at login.
type maildrop struct {
	d        *Daemon
	account  string
	box      *mbox.Mailbox
	uids     []uint32
	messages []pop3.Message
}

func newMaildrop(d *Daemon, account string, box *mbox.Mailbox) *maildrop {
	m := &maildrop{d: d, account: account, box: box}
	snapshot := box.Snapshot()
	for _, message := range snapshot.Messages {
		m.uids = append(m.uids, message.UID)
		m.messages = append(m.messages, pop3.Message{Size: message.Size, UIDL: uidl(d.pop3Wording(), message.UID, snapshot.UIDValidity)})
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

// Open implements pop3.Maildrop.
func (m *maildrop) Open(_ context.Context, i int) (io.ReadCloser, error) {
	content, err := m.box.Open(m.uids[i])
	if err == nil {
		if _, err = content.ReadAt(make([]byte, 1), 0); err == io.EOF { // before +OK: it may have been removed
			err = nil
		}
	}
	if errors.Is(err, mail.ErrGone) {
		return nil, pop3.ErrGone
	}
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(content, 0, content.Size()), content}, nil
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
	defer m.d.drops.give(m.account)
	return m.box.Close()
}
