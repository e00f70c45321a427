package mbox

import (
	"context"
	"slices"

	"maillab/internal/mail"
)

// Store changes flags and returns the UIDs it left alone because of Since. UIDs that do not exist are skipped. The
// change is in the index when Store returns, and written into the file when nobody has it open, see Tidy.
func (m *Mailbox) Store(ctx context.Context, uids []uint32, c mail.FlagChange) (failed []uint32, err error) {
	err = m.b.changing(ctx, func() error {
		failed, err = m.b.store(uids, c)
		return err
	})
	return failed, err
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

func (b *box) store(uids []uint32, c mail.FlagChange) (failed []uint32, err error) {
	var put []message
	for _, uid := range uids {
		i, ok := b.find(uid)
		if !ok || b.msgs[i].expunged {
			continue
		}
		m := &b.msgs[i]
		if c.Conditional && m.ModSeq > c.Since {
			failed = append(failed, uid)
			continue
		}
		flags, words := c.Apply(m.Flags, m.Keywords)
		if flags == m.Flags && slices.Equal(words, m.Keywords) {
			continue
		}
		m.Flags, m.Keywords, m.ModSeq = flags, words, b.modseq+1
		put = append(put, *m)
	}
	if len(put) == 0 {
		return failed, nil
	}
	b.modseq++
	b.touched = b.spool.cfg.Now()
	b.tell()
	return failed, b.record(put, nil)
}

// Expunge removes messages for every session and returns the UIDs that were there. It is durable when it returns, so
// they never come back; the file gets rid of them, now or later, when nobody else has it open, see Tidy.
func (m *Mailbox) Expunge(ctx context.Context, uids []uint32) (gone []uint32, err error) {
	err = m.b.changing(ctx, func() error {
		gone, err = m.b.expunge(uids)
		return err
	})
	if err == nil && len(gone) > 0 {
		m.b.tidy(ctx, cheap)
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
	b.touched = b.spool.cfg.Now()
	b.tell()
	if err := b.record(put, nil); err != nil {
		return gone, err
	}
	return gone, b.syncIndex()
}

// ClaimRecent makes all messages that no session has claimed \Recent for this one, and for no other (RFC 3501, section
// 2.3.2): what SELECT does and EXAMINE does not.
func (m *Mailbox) ClaimRecent(ctx context.Context) error {
	return m.b.changing(ctx, func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		var put []message
		for i := range m.b.msgs {
			msg := &m.b.msgs[i]
			if msg.Flags&old == 0 && !msg.expunged {
				msg.Flags |= old
				m.recent[msg.UID] = true
				put = append(put, *msg)
			}
		}
		if len(put) == 0 {
			return nil
		}
		m.b.snapshot = nil
		return m.b.record(put, nil)
	})
}

// Recent tells whether a message is \Recent: claimed by this session, or in this snapshot claimed by none yet.
func (m *Mailbox) Recent(msg mail.Message) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return msg.Recent || m.recent[msg.UID]
}
