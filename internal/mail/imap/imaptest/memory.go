// Package imaptest is a backend for package imap that keeps its mailboxes in memory: for tests, and as an example of
// what a backend promises.
package imaptest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/imap"
)

// Memory is a backend.
type Memory struct {
	mu    sync.Mutex
	users map[string]*account
}

type account struct {
	password   string
	boxes      map[string]*box
	subscribed map[string]bool
	limit      int64
	validity   uint32
}

// New makes a backend without users.
func New() *Memory { return &Memory{users: map[string]*account{}} }

// AddUser makes a user with an empty INBOX; limit is the quota in octets, 0 none.
func (m *Memory) AddUser(name, password string, limit int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := &account{password: password, boxes: map[string]*box{}, subscribed: map[string]bool{}, limit: limit, validity: 1000}
	a.boxes["INBOX"] = a.newBox()
	m.users[name] = a
}

// Deliver puts a message into a user's mailbox, which must be there. LF becomes CRLF.
func (m *Memory) Deliver(user, name string, date time.Time, text string) {
	m.box(user, name).add(mail.Message{Date: date}, []byte(crlf(text)))
}

// Reset empties a mailbox and gives it a new UIDVALIDITY, as a teacher's reset does.
func (m *Memory) Reset(user, name string) {
	b := m.box(user, name)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.validity++
	b.next, b.messages, b.raw = 1, nil, map[uint32][]byte{}
	b.changed()
}

func (m *Memory) box(user, name string) *box {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.users[user].boxes[name]
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// Login implements imap.Backend.
func (m *Memory) Login(_ context.Context, name, password string, _ mail.Peer) (imap.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.users[name]
	if !ok || a.password != password {
		return nil, mail.ErrRejected
	}
	return &user{m, a, name}, nil
}

type user struct {
	m    *Memory
	a    *account
	name string
}

func (u *user) Name() string { return u.name }

func (u *user) Folders() imap.Folders { return u }

func (u *user) List(context.Context) ([]imap.Folder, error) {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	all := map[string]imap.Folder{}
	for name := range u.a.boxes {
		all[name] = imap.Folder{Name: name, Exists: true, Selectable: true}
		for i := range name {
			if parent := name[:i]; name[i] == '/' && u.a.boxes[parent] == nil {
				all[parent] = imap.Folder{Name: parent, Exists: true}
			}
		}
	}
	for name := range u.a.subscribed {
		f := all[name]
		f.Name, f.Subscribed = name, true
		all[name] = f
	}
	var list []imap.Folder
	for _, f := range all {
		list = append(list, f)
	}
	return list, nil
}

func (u *user) Create(_ context.Context, name string, onlyBelow bool) error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	if u.a.boxes[name] != nil {
		return mail.ErrExists
	}
	if onlyBelow {
		return nil // nothing is kept of a folder that has nothing below it
	}
	u.a.boxes[name] = u.a.newBox()
	return nil
}

func (u *user) Delete(_ context.Context, name string) error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	if u.a.boxes[name] == nil {
		return mail.ErrNoMailbox
	}
	delete(u.a.boxes, name)
	return nil
}

func (u *user) Rename(_ context.Context, from, to string) error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	if u.a.boxes[to] != nil {
		return mail.ErrExists
	}
	moved := map[string]*box{}
	for name, b := range u.a.boxes {
		if name == from || strings.HasPrefix(name, from+"/") {
			moved[to+name[len(from):]] = b
			delete(u.a.boxes, name)
		}
	}
	if len(moved) == 0 {
		return mail.ErrNoMailbox
	}
	for name, b := range moved {
		u.a.boxes[name] = b
	}
	return nil
}

func (u *user) Subscribe(_ context.Context, name string, on bool) error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	if delete(u.a.subscribed, name); on {
		u.a.subscribed[name] = true
	}
	return nil
}

func (u *user) find(name string) (*box, error) {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	if b := u.a.boxes[name]; b != nil {
		return b, nil
	}
	return nil, mail.ErrNoMailbox
}

func (u *user) Open(_ context.Context, name string) (imap.Mailbox, error) {
	b, err := u.find(name)
	if err != nil {
		return nil, err
	}
	return handle{b}, nil
}

func (u *user) Append(ctx context.Context, name string, msgs []mail.Delivery) (uint32, []uint32, error) {
	b, err := u.find(name)
	if err != nil {
		return 0, nil, err
	}
	raws := make([][]byte, len(msgs))
	for i, m := range msgs {
		if raws[i] = m.Body; m.Large != nil {
			if raws[i], err = io.ReadAll(m.Large); err != nil {
				return 0, nil, err
			}
		}
	}
	if used, limit, _ := u.Quota(ctx); limit > 0 && used+int64(len(bytes.Join(raws, nil))) > limit {
		return 0, nil, mail.ErrFull
	}
	var uids []uint32
	for i, m := range msgs {
		uids = append(uids, b.add(mail.Message{Flags: m.Flags, Keywords: m.Keywords, Date: m.At}, raws[i]))
	}
	return b.validity, uids, nil
}

func (u *user) Quota(context.Context) (used, limit int64, err error) {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	for _, b := range u.a.boxes {
		b.mu.Lock()
		for _, m := range b.messages {
			used += m.Size
		}
		b.mu.Unlock()
	}
	return used, u.a.limit, nil
}

// box is a mailbox. The slice of messages is replaced, never modified: snapshots share it.
type box struct {
	mu       sync.Mutex
	validity uint32
	next     uint32
	modSeq   uint64
	messages []mail.Message
	raw      map[uint32][]byte
	gone     []mail.Vanished
	notify   chan struct{}
}

func (a *account) newBox() *box {
	a.validity++
	return &box{validity: a.validity, next: 1, modSeq: 1, raw: map[uint32][]byte{}, notify: make(chan struct{})}
}

// changed needs mu.
func (b *box) changed() {
	b.modSeq++
	close(b.notify)
	b.notify = make(chan struct{})
}

func (b *box) add(m mail.Message, raw []byte) uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed()
	m.UID, m.ModSeq, m.Recent, m.Size = b.next, b.modSeq, true, int64(len(raw))
	sum := sha256.Sum256(raw)
	copy(m.Digest[:], sum[:])
	b.next++
	b.raw[m.UID] = raw
	b.messages = append(slices.Clone(b.messages), m)
	return m.UID
}

// handle implements imap.Mailbox.
type handle struct{ *box }

func (b handle) Look(context.Context) (mail.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return mail.Snapshot{UIDValidity: b.validity, UIDNext: b.next, ModSeq: b.modSeq, Messages: b.messages, Vanished: b.gone, Since: 1}, nil
}

type raw struct{ *bytes.Reader }

func (raw) Close() error { return nil }

func (b handle) Open(uid uint32) (mail.Raw, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.raw[uid]
	if !ok {
		return nil, mail.ErrGone
	}
	return raw{bytes.NewReader(r)}, nil
}

func (b handle) Store(_ context.Context, uids []uint32, c mail.FlagChange) (mail.Stored, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var result mail.Stored
	messages := slices.Clone(b.messages)
	for i := range messages {
		m := &messages[i]
		if !slices.Contains(uids, m.UID) {
			continue
		}
		if c.Conditional && m.ModSeq > c.Since {
			result.Conflict = append(result.Conflict, m.UID)
		} else if f, k := c.Apply(m.Flags, m.Keywords); f != m.Flags || !slices.Equal(k, m.Keywords) {
			b.changed()
			m.Flags, m.Keywords, m.ModSeq = f, k, b.modSeq
		}
		result.Messages = append(result.Messages, *m)
	}
	b.messages = messages
	return result, nil
}

func (b handle) Expunge(_ context.Context, uids []uint32) (gone []uint32, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = slices.DeleteFunc(slices.Clone(b.messages), func(m mail.Message) bool { return slices.Contains(uids, m.UID) })
	b.changed()
	for _, uid := range uids {
		if _, ok := b.raw[uid]; ok {
			delete(b.raw, uid)
			b.gone, gone = append(b.gone, mail.Vanished{UID: uid, ModSeq: b.modSeq}), append(gone, uid)
		}
	}
	return gone, nil
}

func (b handle) ClaimRecent(_ context.Context, uids []uint32) (claimed []uint32, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = slices.Clone(b.messages)
	for i := range b.messages {
		if m := &b.messages[i]; m.Recent && slices.Contains(uids, m.UID) {
			m.Recent = false
			claimed = append(claimed, m.UID)
		}
	}
	return claimed, nil
}

func (b handle) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.notify
}

func (handle) Close() error { return nil }
