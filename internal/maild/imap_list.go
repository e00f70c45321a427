package maild

import (
	"maps"
	"slices"
	"sync"
	"weak"

	"maillab/internal/mail"
	"maillab/internal/mail/imap"
)

// list is a mailbox's messages in IMAP's terms. It is never changed: sessions share it, for fifty of them on a mailbox of
// thousands of messages would otherwise hold fifty copies.
type list struct {
	from     []mail.Message // what it was made from: the spool shares one slice until something changes
	messages []imap.Message
}

// is tells whether the list is of these very messages: what the spool hands out is never changed in place.
func (l *list) is(of []mail.Message) bool {
	return l != nil && len(l.from) == len(of) && (len(of) == 0 || &l.from[0] == &of[0])
}

// lists remember each mailbox's last list for as long as a session has it.
type lists struct {
	mu   sync.Mutex
	last map[string]weak.Pointer[list]
}

// get returns the list of a mailbox, making it if nobody has it.
func (l *lists) get(box string, of []mail.Message, create func() *list) *list {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := l.last[box].Value(); last.is(of) {
		return last
	}
	if l.last == nil {
		l.last = map[string]weak.Pointer[list]{}
	}
	maps.DeleteFunc(l.last, func(_ string, list weak.Pointer[list]) bool { return list.Value() == nil })
	made := create()
	l.last[box] = weak.Make(made)
	return made
}

// list is what a session sees of these messages. One that is the first to see some of them has a list of its own.
func (m *imapMailbox) list(of []mail.Message) *list {
	create := func() *list {
		made := &list{of, make([]imap.Message, len(of))}
		for i := range of {
			made.messages[i] = m.message(of[i])
		}
		return made
	}
	if slices.ContainsFunc(of, m.recent) {
		return create()
	}
	return m.u.d.lists.get(m.name, of, create)
}

// recent tells whether a message is \Recent for this session, which has not claimed it yet.
func (m *imapMailbox) recent(msg mail.Message) bool { return m.box.Recent(msg) && !m.claimed[msg.UID] }
