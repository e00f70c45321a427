package mbox

import (
	"context"
	"slices"

	"maillab/internal/mail"
)

// Store changes flags. UIDs that do not exist are skipped. The change is in the index when Store returns, and written into the file when nobody has it open, see Tidy.
func (m *Mailbox) Store(ctx context.Context, uids []uint32, c mail.FlagChange) (result mail.Stored, err error) {
	err = m.b.changing(ctx, func() error {
		result, err = m.b.store(uids, c)
		return err
	})
	return result, err
}

// changing runs work that changes the picture and not the file.
func (b *box) changing(ctx context.Context, work func() error) error {
	done, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := b.load(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return work()
}

func (b *box) store(uids []uint32, c mail.FlagChange) (result mail.Stored, err error) {
	var put []message
	uids = slices.Compact(slices.Sorted(slices.Values(uids)))
	var found []int
	for _, uid := range uids {
		i, ok := b.find(uid)
		if !ok || b.msgs[i].expunged {
			continue
		}
		found = append(found, i)
		m := &b.msgs[i]
		if c.Conditional && m.ModSeq > c.Since {
			result.Conflict = append(result.Conflict, uid)
			continue
		}
		flags, words := c.Apply(m.Flags, m.Keywords)
		if flags == m.Flags && slices.Equal(words, m.Keywords) {
			continue
		}
		m.Flags, m.Keywords, m.ModSeq = flags, words, b.modseq+1
		put = append(put, *m)
	}
	for _, i := range found {
		result.Messages = append(result.Messages, b.msgs[i].shown())
	}
	if len(put) == 0 {
		return result, nil
	}
	b.modseq++
	b.touched = b.spool.cfg.Now()
	b.tell()
	return result, b.record(put, nil)
}

// Expunge removes messages for every session and returns the UIDs that were there. It is durable when it returns, so
// they never come back; the file gets rid of them, now or later, when nobody else has it open, see Tidy.
func (m *Mailbox) Expunge(ctx context.Context, uids []uint32) (gone []uint32, err error) {
	err = m.b.changing(ctx, func() error {
		gone, err = m.b.expunge(uids)
		return err
	})
	if err == nil && len(gone) > 0 {
		rewriter{m.b}.tidy(ctx, cheap)
	}
	return gone, err
}

func (b *box) expunge(uids []uint32) (gone []uint32, err error) {
	var put []message
	for _, uid := range uids {
		i, ok := b.find(uid)
		if !ok || b.msgs[i].expunged {
			continue
		}
		b.msgs[i].expunged = true
		put = append(put, b.msgs[i])
		gone = append(gone, uid)
	}
	if len(gone) == 0 {
		return nil, nil
	}
	b.modseq++
	var vanished []mail.Vanished
	for _, uid := range gone {
		vanished = append(vanished, mail.Vanished{UID: uid, ModSeq: b.modseq})
		b.vanish(vanished[len(vanished)-1])
	}
	b.touched = b.spool.cfg.Now()
	b.tell()
	if err := b.record(put, vanished); err != nil {
		return gone, err
	}
	return gone, b.syncIndex()
}

// ClaimRecent makes messages that no session has claimed \Recent for the caller, and for no other session (RFC 3501, section
// 2.3.2), and returns them: what SELECT does and EXAMINE does not.
func (m *Mailbox) ClaimRecent(ctx context.Context, uids []uint32) (mine []uint32, err error) {
	err = m.b.changing(ctx, func() error {
		var put []message
		for _, uid := range uids {
			i, ok := m.b.find(uid)
			if !ok || m.b.msgs[i].expunged || m.b.msgs[i].Flags&old != 0 {
				continue
			}
			m.b.msgs[i].Flags |= old
			put, mine = append(put, m.b.msgs[i]), append(mine, uid)
		}
		if len(put) == 0 {
			return nil
		}
		m.b.snapshot = nil
		return m.b.record(put, nil)
	})
	return mine, err
}
