package mbox

import (
	"cmp"
	"slices"
	"time"

	"maillab/internal/mail"
)

// message is what we know of one.
type message struct {
	mail.Message
	start, head, end int64      // in the file, see record
	mark             mail.Flags // what the file said when we read it last
	markWords        []string   // likewise the keywords
	expunged         bool       // gone for every session, still in the file
}

// picture is what is known of a mailbox. It describes the file in one state, known; what the file says in another one
// is found out by box.look.
//
// Invariants: msgs are in the order of their UIDs, strictly, all below next; no two share bytes; a UID never names
// another digest; modseq is at least each message's.
type picture struct {
	loaded   bool // from the index, or made new
	msgs     []message
	known    stamp
	sure     bool // a change after known would have changed it: see stamp.racy
	validity uint32
	next     uint32
	modseq   uint64
	gone     []mail.Vanished // the last that went, ascending by ModSeq; snapshots share it
	since    uint64          // all that went after it are in gone
	moved    uint64          // counts how often offsets of messages changed
	touched  time.Time       // when a session changed something last
	changed  chan struct{}

	snapshot []mail.Message // without expunged ones; nil: to be made
}

// maxGone is how many messages that went are remembered, for clients that come again (RFC 7162, section 3.2).
const maxGone = 10_000

// vanish remembers a message that went. Needs mu.
func (p *picture) vanish(v mail.Vanished) {
	if len(p.gone) >= maxGone {
		half := len(p.gone) / 2
		p.since = max(p.since, p.gone[half-1].ModSeq)
		p.gone = slices.Clone(p.gone[half:])
	}
	p.gone = append(p.gone, v)
}

// find returns the index of a UID in msgs.
func (p *picture) find(uid uint32) (int, bool) {
	return slices.BinarySearchFunc(p.msgs, uid, func(m message, uid uint32) int { return cmp.Compare(m.UID, uid) })
}

// tell wakes everybody who waits for a change. Needs mu.
func (p *picture) tell() {
	p.snapshot = nil
	close(p.changed)
	p.changed = make(chan struct{})
}

// snap returns the messages that sessions see. Needs mu for writing.
func (p *picture) snap() []mail.Message {
	if p.snapshot == nil {
		p.snapshot = make([]mail.Message, 0, len(p.msgs))
		for i := range p.msgs {
			if !p.msgs[i].expunged {
				p.snapshot = append(p.snapshot, p.msgs[i].shown())
			}
		}
	}
	return p.snapshot
}

// shown is what sessions see of a message.
func (m *message) shown() mail.Message {
	shown := m.Message
	shown.Flags, shown.Recent = m.Flags&^old, m.Flags&old == 0
	return shown
}

// add gives messages found in the file their UIDs. Needs mu.
func (p *picture) add(recs []record, now time.Time) {
	if len(recs) == 0 {
		return
	}
	p.modseq++
	for _, r := range recs {
		p.msgs = append(p.msgs, p.fresh(r, now))
	}
}

// fresh makes a message of a record that was never seen before.
func (p *picture) fresh(r record, now time.Time) message {
	m := message{Message: mail.Message{
		UID: p.next, Flags: r.mark, Keywords: r.keywords, Size: r.size, HeaderSize: r.header, Date: r.date, ModSeq: p.modseq,
		Digest: r.digest,
	}}
	if m.Date.IsZero() {
		m.Date = now.Truncate(time.Second)
	}
	m.place(r)
	p.next++
	return m
}

// place takes over where a message lies and what the file says about it.
func (m *message) place(r record) {
	m.start, m.head, m.end, m.mark, m.markWords = r.start, r.head, r.end, r.mark, r.keywords
}

// merge takes over what somebody else changed in the file since we read it last; what the file did not change stays as
// it is here. It tells whether a session sees a difference.
func (m *message) merge(r record) bool {
	was, words := m.Flags, m.Keywords
	differs := (m.mark ^ r.mark) & inFile
	m.Flags = m.Flags&^differs | r.mark&differs
	if !slices.Equal(m.markWords, r.keywords) {
		m.Keywords = r.keywords
	}
	m.place(r)
	return was&^old != m.Flags&^old || !slices.Equal(words, m.Keywords)
}
