package maild

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"maillab/internal/lesson"
	"maillab/internal/mail"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/imap"
	"maillab/internal/mail/mbox"
)

// mailboxes lets IMAP sessions into the spool.
type mailboxes struct{ d *Daemon }

// Login implements imap.Backend.
func (b mailboxes) Login(ctx context.Context, user, password string, peer net.Addr) (imap.User, error) {
	account, err := b.d.auth.Verify(ctx, user, password, peerHost(peer))
	if errors.Is(err, auth.ErrRejected) {
		return nil, imap.ErrBadPassword
	}
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

// List implements imap.User: INBOX, the folders, the directories that they are in, and what is only subscribed to.
func (u *imapUser) List(ctx context.Context) ([]imap.Folder, error) {
	names, err := u.d.cfg.Files.List(ctx, u.name)
	if err != nil {
		return nil, err
	}
	subscribed, err := u.d.subscribed.of(u.name)
	if err != nil {
		return nil, err
	}
	found := map[string]imap.Folder{}
	for _, name := range append(names, mbox.Inbox) {
		found[name] = imap.Folder{Name: name, Selectable: true, Exists: true, NoInferiors: name != mbox.Inbox}
		for at := strings.LastIndexByte(name, '/'); at > 0; at = strings.LastIndexByte(name[:at], '/') {
			if _, known := found[name[:at]]; !known {
				found[name[:at]] = imap.Folder{Name: name[:at], Exists: true}
			}
		}
	}
	for _, name := range subscribed {
		f := found[name]
		f.Name, f.Subscribed = name, true
		found[name] = f
	}
	folders := make([]imap.Folder, 0, len(found))
	for _, f := range found {
		folders = append(folders, f)
	}
	return folders, nil
}

// Create implements imap.User.
func (u *imapUser) Create(ctx context.Context, name string) error {
	return imapError(u.d.spool.Create(ctx, u.name, name))
}

// Delete implements imap.User.
func (u *imapUser) Delete(ctx context.Context, name string) error {
	return imapError(u.d.spool.Delete(ctx, u.name, name))
}

// Rename implements imap.User.
func (u *imapUser) Rename(ctx context.Context, from, to string) error {
	return imapError(u.d.spool.Rename(ctx, u.name, from, to))
}

// Subscribe implements imap.User.
func (u *imapUser) Subscribe(_ context.Context, name string, on bool) error {
	return u.d.subscribed.set(u.name, name, on)
}

// Open implements imap.User.
func (u *imapUser) Open(ctx context.Context, name string) (imap.Mailbox, error) {
	box, err := u.d.spool.Mailbox(ctx, u.name, name)
	if err != nil {
		return nil, imapError(err)
	}
	return &imapMailbox{u: u, name: u.name + "/" + name, box: box, claimed: map[uint32]bool{}}, nil
}

// Append implements imap.User.
func (u *imapUser) Append(ctx context.Context, name string, msgs []imap.NewMessage) (uint32, []uint32, error) {
	if err := u.room(ctx, msgs); err != nil {
		return 0, nil, imapError(err)
	}
	box, err := u.d.spool.Mailbox(ctx, u.name, name)
	if err != nil {
		return 0, nil, imapError(err)
	}
	defer box.Close()
	bodies := &copies{dir: u.d.cfg.StateDir}
	defer bodies.close()
	deliveries := make([]mail.Delivery, len(msgs))
	for i, m := range msgs {
		body, err := bodies.take(m.Body, m.Size)
		if err != nil {
			return 0, nil, imapError(err)
		}
		deliveries[i] = mail.Delivery{User: u.name, Box: name, Sender: lesson.SenderOf(io.LimitReader(body, senderWithin)), At: m.Date,
			Large: io.NewSectionReader(body, 0, m.Size), Flags: toMbox(m.Flags), Keywords: m.Keywords}
	}
	uids, err := box.Append(ctx, deliveries)
	return box.Snapshot().UIDValidity, uids, imapError(err)
}

// senderWithin is how much of a message is looked at for its sender.
const senderWithin = 64 << 10

// room refuses messages that would take more than the user may have, over all of his mailboxes.
func (u *imapUser) room(ctx context.Context, msgs []imap.NewMessage) error {
	used, limit, err := u.Quota(ctx)
	for _, m := range msgs {
		used += m.Size
	}
	if err == nil && limit > 0 && used > limit {
		return mail.ErrFull
	}
	return err
}

// Quota implements imap.User.
func (u *imapUser) Quota(ctx context.Context) (used, limit int64, err error) {
	folders, err := u.d.cfg.Files.List(ctx, u.name)
	if err != nil {
		return 0, 0, err
	}
	for _, name := range append(folders, mbox.Inbox) {
		f, err := u.d.cfg.Files.Open(ctx, u.name, name, os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		if info, err := f.Stat(); err == nil {
			used += info.Size()
		}
		f.Close()
	}
	return used, u.d.cfg.Spec.Limits.SpoolBytes, nil
}

// imapMailbox is one session's handle.
type imapMailbox struct {
	u    *imapUser
	name string // of the mailbox, with its user
	box  *mbox.Mailbox

	mu      sync.Mutex
	claimed map[uint32]bool // \Recent for this session, which knows
	shown   *list           // nil: to be made
}

// Snapshot implements imap.Mailbox.
func (m *imapMailbox) Snapshot(ctx context.Context) (imap.Snapshot, error) {
	if err := m.box.Refresh(ctx); err != nil {
		return imap.Snapshot{}, imapError(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.box.Snapshot()
	if !m.shown.is(s.Messages) {
		m.shown = m.list(s.Messages)
	}
	return imap.Snapshot{UIDValidity: s.UIDValidity, UIDNext: s.UIDNext, HighestModSeq: max(s.ModSeq, 1),
		Messages: m.shown.messages}, nil
}

func (m *imapMailbox) message(msg mail.Message) imap.Message {
	return imap.Message{
		UID: msg.UID, Flags: toIMAP(msg.Flags), Keywords: msg.Keywords, Recent: m.recent(msg),
		Size: msg.Size, HeaderSize: msg.HeaderSize, Date: msg.Date.In(m.u.d.zone), ModSeq: max(msg.ModSeq, 1),
		Digest: imap.Digest(msg.Digest),
	}
}

// Open implements imap.Mailbox.
func (m *imapMailbox) Open(_ context.Context, uid uint32) (imap.Raw, error) {
	content, err := m.box.Open(uid)
	if err != nil {
		return nil, imapError(err)
	}
	return octets{content}, nil
}

// octets are a message's, which may be removed while it is read.
type octets struct{ *mbox.Content }

// ReadAt implements io.ReaderAt.
func (o octets) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Content.ReadAt(p, off)
	return n, imapError(err)
}

// Store implements imap.Mailbox.
func (m *imapMailbox) Store(ctx context.Context, uids []uint32, c imap.FlagChange) (imap.StoreResult, error) {
	change := mail.FlagChange{Op: mail.StoreOp(c.Op), Flags: toMbox(c.Flags), Keywords: c.Keywords, Conditional: c.Conditional, Since: c.Since}
	conflict, err := m.box.Store(ctx, uids, change)
	if err != nil {
		return imap.StoreResult{}, imapError(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	result := imap.StoreResult{Conflict: conflict}
	sorted := slices.Sorted(slices.Values(uids))
	for _, msg := range m.box.Snapshot().Messages {
		if _, wanted := slices.BinarySearch(sorted, msg.UID); wanted {
			result.Messages = append(result.Messages, m.message(msg))
		}
	}
	return result, nil
}

// Expunge implements imap.Mailbox.
func (m *imapMailbox) Expunge(ctx context.Context, uids []uint32) error {
	_, err := m.box.Expunge(ctx, uids)
	return imapError(err)
}

// ClaimRecent implements imap.Mailbox. The spool claims all that is unclaimed; what the session has not seen yet stays
// recent for it in the next snapshot.
func (m *imapMailbox) ClaimRecent(ctx context.Context, uids []uint32) ([]uint32, error) {
	if err := m.box.ClaimRecent(ctx); err != nil {
		return nil, imapError(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	sorted := slices.Sorted(slices.Values(uids))
	var mine []uint32
	for _, msg := range m.box.Snapshot().Messages {
		if _, asked := slices.BinarySearch(sorted, msg.UID); asked && m.box.Recent(msg) && !m.claimed[msg.UID] {
			m.claimed[msg.UID] = true
			m.shown = nil
			mine = append(mine, msg.UID)
		}
	}
	return mine, nil
}

// Hold lets a session read many messages under one lock.
func (m *imapMailbox) Hold() (release func()) { return m.box.Hold() }

// Changed implements imap.Mailbox.
func (m *imapMailbox) Changed() <-chan struct{} { return m.box.Changed() }

// Close implements imap.Mailbox.
func (m *imapMailbox) Close() { _ = m.box.Close() }

// flagPair is one flag on both sides.
type flagPair struct {
	imap imap.Flags
	mbox mail.Flags
}

func flagPairs() [5]flagPair {
	return [...]flagPair{
		{imap.Seen, mail.Seen}, {imap.Answered, mail.Answered}, {imap.Flagged, mail.Flagged},
		{imap.Draft, mail.Draft}, {imap.Deleted, mail.Deleted},
	}
}

func toIMAP(f mail.Flags) (out imap.Flags) {
	for _, p := range flagPairs() {
		if f&p.mbox != 0 {
			out |= p.imap
		}
	}
	return out
}

func toMbox(f imap.Flags) (out mail.Flags) {
	for _, p := range flagPairs() {
		if f&p.imap != 0 {
			out |= p.mbox
		}
	}
	return out
}

// imapError puts the spool's errors into IMAP's terms.
func imapError(err error) error {
	for _, p := range []struct{ from, to error }{
		{mail.ErrGone, imap.ErrGone}, {mail.ErrNoMailbox, imap.ErrNoMailbox}, {mail.ErrExists, imap.ErrExists},
		{mail.ErrFull, imap.ErrFull}, {mail.ErrTooBig, imap.ErrTooBig}, {mail.ErrLocked, imap.ErrBusy}, {mail.ErrBadName, imap.ErrBadName},
	} {
		if errors.Is(err, p.from) {
			return errors.Join(p.to, err)
		}
	}
	return err
}
