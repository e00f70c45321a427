package maild

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"maillab/internal/lesson"
	"maillab/internal/mail"
	"maillab/internal/mail/imap"
)

// mailboxes lets IMAP sessions into the spool.
type mailboxes struct{ d *Daemon }

// Login implements imap.Backend.
func (b mailboxes) Login(ctx context.Context, user, password string, peer mail.Peer) (imap.User, error) {
	if _, fails := b.d.faults.fails(ctx, "imap", "login"); fails {
		return nil, mail.ErrTryLater
	}
	account, err := b.d.auth.Verify(ctx, user, password, peer.Host())
	if err != nil {
		return nil, err
	}
	return &imapUser{d: b.d, name: account}, b.d.sessions.login(ctx, account, func() error { return nil })
}

// imapUser is one session's user.
type imapUser struct {
	d    *Daemon
	name string
}

// Name implements imap.User.
func (u *imapUser) Name() string { return u.name }

// Folders implements imap.User.
func (u *imapUser) Folders() imap.Folders { return u }

// List implements imap.Folders: INBOX, the folders, what they are in, and what is only subscribed to.
func (u *imapUser) List(ctx context.Context) ([]imap.Folder, error) {
	there, err := u.d.spool.Folders(ctx, u.name)
	if err != nil {
		return nil, err
	}
	subscribed, err := u.d.subscribed.of(u.name)
	if err != nil {
		return nil, err
	}
	folders := []imap.Folder{{Name: "INBOX", Selectable: true, Exists: true}}
	for _, f := range there {
		folders = append(folders, imap.Folder{Name: f.Name, Selectable: f.IsMailbox, Exists: true})
	}
	byName := func(f imap.Folder, name string) int { return strings.Compare(f.Name, name) }
	slices.SortFunc(folders, func(a, b imap.Folder) int { return byName(a, b.Name) })
	for _, name := range subscribed {
		at, found := slices.BinarySearchFunc(folders, name, byName)
		if !found {
			folders = slices.Insert(folders, at, imap.Folder{Name: name})
		}
		folders[at].Subscribed = true
	}
	return folders, nil
}

// Create implements imap.Folders.
func (u *imapUser) Create(ctx context.Context, name string, onlyBelow bool) error {
	return u.d.spool.Create(ctx, u.name, name, onlyBelow)
}

// Delete implements imap.Folders.
func (u *imapUser) Delete(ctx context.Context, name string) error {
	return u.d.spool.Delete(ctx, u.name, name)
}

// Rename implements imap.Folders.
func (u *imapUser) Rename(ctx context.Context, from, to string) error {
	return u.d.spool.Rename(ctx, u.name, from, to)
}

// Subscribe implements imap.Folders.
func (u *imapUser) Subscribe(_ context.Context, name string, on bool) error {
	return u.d.subscribed.set(u.name, name, on)
}

// Open implements imap.User.
func (u *imapUser) Open(ctx context.Context, name string) (imap.Mailbox, error) {
	box, err := u.d.spool.Mailbox(ctx, u.name, name)
	if err != nil {
		return nil, err
	}
	return box, nil
}

// senderWithin is how much of a message is looked at for its sender.
const senderWithin = 64 << 10

// Append implements imap.User.
func (u *imapUser) Append(ctx context.Context, name string, messages []mail.Delivery) (uint32, []uint32, error) {
	box, err := u.d.spool.Mailbox(ctx, u.name, name)
	if err != nil {
		return 0, nil, err
	}
	defer box.Close()
	for i := range messages {
		m := &messages[i]
		m.User, m.Box = u.name, name
		var text io.Reader = bytes.NewReader(m.Body)
		if m.Large != nil {
			text = io.NewSectionReader(m.Large, 0, m.Large.Size())
		}
		m.Sender = lesson.SenderOf(io.LimitReader(text, senderWithin))
	}
	uids, err := box.Append(ctx, messages)
	return box.Snapshot().UIDValidity, uids, err
}

// Quota implements imap.User. It is the student's, who may have other accounts.
func (u *imapUser) Quota(ctx context.Context) (used, limit int64, err error) {
	return u.d.room.quota(ctx, u.name)
}
