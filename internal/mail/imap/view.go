package imap

import (
	"context"
	"slices"
	"sort"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
	"maillab/internal/mail/imap/syntax"
)

// selected is a session's view of its mailbox. The view is what the client has been told, and its indexes are the
// sequence numbers minus one; it is brought up to date by poll only, which tells the client at the same time.
//
// Invariants: view ascends in UID; a message that is gone stays in it until EXPUNGE has been said; a UID that is not
// in view and not above its last one never comes into it.
type selected struct {
	name      string // as the backend knows it
	mb        Mailbox
	readOnly  bool
	validity  uint32
	view      []mail.Message
	borrowed  bool            // view is a snapshot's: to be copied before it is changed
	recent    map[uint32]bool // \Recent for this session
	keywords  []string        // told by FLAGS
	gone      int             // in view, but no longer in the mailbox
	at        instant
	modSeqs   bool // FETCH responses tell MODSEQ, see conn.condstore
	vanishing bool // VANISHED stands for EXPUNGE, see conn.qresync
	told      int  // the last number of recent messages that the client was told
	last      lastTree
	parser    entity.Parser
	scratch   scratch
	fields    *entity.Remembered // the server's
}

// instant identifies a state of the mailbox: nothing changes without one of these changing.
type instant struct {
	modSeq uint64
	next   uint32
	count  int
}

func instantOf(s mail.Snapshot) instant { return instant{s.ModSeq, s.UIDNext, len(s.Messages)} }

// load takes a snapshot as the first view. Messages that nobody was told of become \Recent here, for good when the
// mailbox was not opened read-only.
func (b *selected) load(ctx context.Context, s mail.Snapshot) error {
	b.validity, b.at, b.recent = s.UIDValidity, instantOf(s), map[uint32]bool{}
	b.view, b.borrowed = s.Messages, true
	for _, m := range b.view {
		b.addKeywords(m.Keywords)
	}
	return b.claim(ctx, b.view)
}

// own makes the view the session's own, to be changed.
func (b *selected) own() {
	if b.borrowed {
		b.view, b.borrowed = slices.Clone(b.view), false
	}
}

// claim finds out which of these new messages are recent.
func (b *selected) claim(ctx context.Context, fresh []mail.Message) error {
	var uids []uint32
	for _, m := range fresh {
		if m.Recent {
			uids = append(uids, m.UID)
		}
	}
	if len(uids) > 0 && !b.readOnly {
		var err error
		if uids, err = b.mb.ClaimRecent(ctx, uids); err != nil {
			return err
		}
	}
	for _, uid := range uids {
		b.recent[uid] = true
	}
	return nil
}

// addKeywords notes keywords and says whether one is new.
func (b *selected) addKeywords(keywords []string) bool {
	n := len(b.keywords)
	for _, k := range keywords {
		b.keywords = mail.AddKeyword(b.keywords, k)
	}
	return len(b.keywords) > n
}

// keywordList is for FLAGS: " $Forwarded work".
func (b *selected) keywordList() string {
	if len(b.keywords) == 0 {
		return ""
	}
	return " " + strings.Join(b.keywords, " ")
}

// firstUnseen is a sequence number, or 0.
func (b *selected) firstUnseen() int {
	return 1 + slices.IndexFunc(b.view, func(m mail.Message) bool { return m.Flags&mail.Seen == 0 })
}

// index finds a UID in the view.
func (b *selected) index(uid uint32) (int, bool) {
	i := sort.Search(len(b.view), func(i int) bool { return b.view[i].UID >= uid })
	return i, i < len(b.view) && b.view[i].UID == uid
}

// pick returns the indexes that a set names, ascending, and the numbers of messages that are not there: for UIDs there
// are none, since a UID that is gone is no mistake (RFC 3501, section 6.4.8).
func (b *selected) pick(set syntax.Set, uid bool) (indexes []int, missing []uint32) {
	if uid {
		return b.pickUIDs(set), nil
	}
	count := uint32(len(b.view))
	for _, r := range set.Resolve(count) {
		if r.Hi > count {
			missing = append(missing, max(r.Lo, count+1))
		}
	}
	for _, r := range set.Resolve(count).Merged() {
		for n := max(r.Lo, 1); n <= min(r.Hi, count); n++ {
			indexes = append(indexes, int(n-1))
		}
	}
	return indexes, missing
}

func (b *selected) pickUIDs(set syntax.Set) (indexes []int) {
	if len(b.view) == 0 {
		return nil
	}
	for _, r := range set.Resolve(b.view[len(b.view)-1].UID).Merged() {
		for i, _ := b.index(r.Lo); i < len(b.view) && b.view[i].UID <= r.Hi; i++ {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// poll tells the client what has changed. EXPUNGE is held back while sequence numbers are in flight (RFC 3501,
// section 7.4.1): during FETCH, STORE and SEARCH by number.
func (b *selected) poll(ctx context.Context, c *conn, expunges bool) {
	s, err := b.mb.Look(ctx)
	if err != nil {
		if ctx.Err() == nil {
			c.cfg.Logger.Warn("imap: cannot look at the mailbox", "user", c.stats.User, "mailbox", b.name, "err", err)
		}
		return
	}
	if s.UIDValidity != b.validity { // the mailbox was put back to another state: no number that was told holds
		c.stats.Ending = mail.Failed
		c.bye("Mailbox was reset, please log in again.")
		return
	}
	if instantOf(s) == b.at && (b.gone == 0 || !expunges) {
		return
	}
	b.own()
	removed := b.drop(c.out, s, expunges)
	b.changes(c, s)
	b.arrivals(ctx, c, s, removed > 0 && c.w.expungeCounts)
	b.at = instantOf(s)
}

// drop says EXPUNGE for what is gone, if it may.
func (b *selected) drop(w *writer, s mail.Snapshot, expunges bool) (removed int) {
	kept, j := b.view[:0], 0
	b.gone = 0
	var vanished []uint32
	for _, m := range b.view {
		for j < len(s.Messages) && s.Messages[j].UID < m.UID {
			j++
		}
		here := j < len(s.Messages) && s.Messages[j].UID == m.UID
		if !here && expunges {
			if vanished = append(vanished, m.UID); !b.vanishing {
				w.printf("* %d EXPUNGE\r\n", len(kept)+1)
			}
			delete(b.recent, m.UID)
			removed++
			continue
		}
		if !here {
			b.gone++
		}
		kept = append(kept, m)
	}
	if b.vanishing && len(vanished) > 0 {
		w.str("* VANISHED " + syntax.Spans(vanished).String() + "\r\n")
	}
	clear(b.view[len(kept):])
	b.view = kept
	return removed
}

// changes tells the flags that others changed.
func (b *selected) changes(c *conn, s mail.Snapshot) {
	j := 0
	for i := range b.view {
		m := &b.view[i]
		for j < len(s.Messages) && s.Messages[j].UID < m.UID {
			j++
		}
		if j == len(s.Messages) || s.Messages[j].UID != m.UID {
			continue
		}
		now := s.Messages[j]
		changed := now.Flags != m.Flags || !slices.Equal(now.Keywords, m.Keywords) || b.modSeqs && now.ModSeq != m.ModSeq
		*m = now
		if changed {
			c.tellFlags(i, false)
		}
	}
}

// arrivals tells of new messages.
func (b *selected) arrivals(ctx context.Context, c *conn, s mail.Snapshot, counts bool) {
	last := uint32(0)
	if n := len(b.view); n > 0 {
		last = b.view[n-1].UID
	}
	last = max(last, b.at.next-min(b.at.next, 1))
	from := sort.Search(len(s.Messages), func(i int) bool { return s.Messages[i].UID > last })
	fresh := s.Messages[from:]
	if len(fresh) > 0 {
		b.view = append(b.view, fresh...)
		if err := b.claim(ctx, fresh); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Warn("imap: cannot claim recent messages", "user", c.stats.User, "mailbox", b.name, "err", err)
		}
	}
	if len(fresh) > 0 || counts {
		c.out.printf("* %d EXISTS\r\n", len(b.view))
	}
	if len(fresh) > 0 || counts || len(b.recent) != b.told {
		c.tellRecent()
	}
	for _, m := range fresh {
		if b.addKeywords(m.Keywords) {
			c.tellKeywords()
		}
	}
}

// update takes the result of this session's own STORE into the view.
func (b *selected) update(ms []mail.Message) {
	b.own()
	for _, m := range ms {
		if i, ok := b.index(m.UID); ok {
			b.view[i] = m
		}
	}
}

// tellRecent tells how many messages are \Recent for this session.
func (c *conn) tellRecent() {
	c.box.told = len(c.box.recent)
	c.out.printf("* %d RECENT\r\n", c.box.told)
}

// tellKeywords announces keywords that are new to the client before they turn up in FETCH.
func (c *conn) tellKeywords() {
	c.out.str(c.w.flags(c.box))
}

// tellFlags writes a FETCH response with a message's flags.
func (c *conn) tellFlags(i int, uid bool) {
	m := c.box.view[i]
	if c.box.addKeywords(m.Keywords) {
		c.tellKeywords()
	}
	c.out.printf("* %d FETCH (", i+1)
	if uid || c.qresync {
		c.out.printf("UID %d ", m.UID)
	}
	if c.box.modSeqs {
		c.out.printf("MODSEQ (%d) ", m.ModSeq)
	}
	c.out.str("FLAGS (")
	c.writeFlags(m)
	c.out.str("))\r\n")
}

// writeFlags writes a message's flags in the wording's order.
func (c *conn) writeFlags(m mail.Message) {
	var names []string
	for _, bit := range c.w.flagOrder {
		if m.Flags&bit != 0 {
			names = append(names, "\\"+bit.String())
		}
	}
	if c.box.recent[m.UID] {
		names = append(names, "\\Recent")
	}
	c.out.str(strings.Join(append(names, m.Keywords...), " "))
}
