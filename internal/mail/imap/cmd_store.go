package imap

import (
	"context"
	"slices"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// store is STORE and UID STORE (RFC 3501, section 6.4.6; RFC 7162, section 3.1.3).
func (c viewer) store(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.Store()
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	if c.box.readOnly {
		return c.w.storeReadOnly
	}
	if r.Change.Conditional {
		c.enableCondstore()
	}
	indexes, missing := c.box.pick(r.Set, cmd.uid)
	if len(missing) > 0 && c.w.badNumbers {
		return c.w.syntax(c.conn, cmd.name, syntax.ErrSet)
	}
	c.tellMissing(missing)
	uids := make([]uint32, len(indexes))
	for n, i := range indexes {
		uids[n] = c.box.view[i].UID
	}
	if len(uids) == 0 {
		return c.w.completed(cmd.name)
	}
	result, err := c.box.mb.Store(ctx, uids, r.Change)
	if err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	c.box.update(result.Messages)
	if r.Change.Flags&mail.Deleted != 0 && r.Change.Op != mail.RemoveFlags {
		c.stats.Deleted += len(result.Messages)
	}
	c.tellStored(r, result, cmd.uid)
	return c.stored(cmd, result)
}

// tellStored writes the FETCH responses. With CONDSTORE even .SILENT tells the new mod-sequence.
func (c viewer) tellStored(r *syntax.Store, result mail.Stored, uid bool) {
	for _, m := range result.Messages {
		i, ok := c.box.index(m.UID)
		switch {
		case !ok:
		case slices.Contains(result.Conflict, m.UID), !r.Silent:
			c.tellFlags(i, uid || c.box.modSeqs && r.Change.Conditional)
		case c.box.modSeqs:
			c.out.printf("* %d FETCH (UID %d MODSEQ (%d))\r\n", i+1, m.UID, m.ModSeq)
		}
	}
}

// stored is the tagged reply, which names what was left alone.
func (c viewer) stored(cmd *command, result mail.Stored) reply {
	if len(result.Conflict) == 0 {
		return c.w.completed(cmd.name)
	}
	numbers := slices.Clone(result.Conflict)
	if !cmd.uid {
		for n, uid := range numbers {
			i, _ := c.box.index(uid)
			numbers[n] = uint32(i + 1)
		}
	}
	return c.w.completed(cmd.name).coded("MODIFIED " + syntax.Spans(numbers).String())
}
