package imap

import (
	"context"
	"slices"
	"strconv"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// selectBox is SELECT and EXAMINE (RFC 3501, sections 6.3.1 and 6.3.2). Whatever comes of it, the mailbox that was
// selected before is not any more.
func (c account) selectBox(ctx context.Context, cmd *command) reply {
	name, wire, err := c.mailbox(cmd.p)
	var r syntax.Select
	if !syntax.IsError(err) {
		var wrong error
		if r, wrong = cmd.p.SelectParameters(c.qresync); wrong != nil {
			err = wrong
		}
	} else if cmd.bare {
		err = syntax.ErrArguments
	}
	if syntax.IsError(err) {
		return c.failed(ctx, cmd, wire, err)
	}
	c.condstore = c.condstore || r.CondStore
	if c.box != nil && (c.w.closed || c.qresync) {
		c.out.str("* OK [CLOSED] Previous mailbox closed.\r\n")
	}
	c.deselect()
	var s mail.Snapshot
	if err == nil {
		s, err = c.openBox(ctx, name, cmd.name == "EXAMINE")
	}
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	c.w.opened(c.conn, s)
	if c.condstore || c.w.tellsModSeq {
		c.out.printf("* OK [HIGHESTMODSEQ %d] Highest\r\n", s.ModSeq)
	}
	c.resynchronize(s, r.QResync)
	if c.box.readOnly {
		return c.w.completed(cmd.name).coded("READ-ONLY")
	}
	return c.w.completed(cmd.name).coded("READ-WRITE")
}

// openBox makes a mailbox the selected one.
func (c account) openBox(ctx context.Context, name string, readOnly bool) (mail.Snapshot, error) {
	mb, err := c.user.Open(ctx, name)
	if err != nil {
		return mail.Snapshot{}, err
	}
	box := &selected{name: name, mb: mb, readOnly: readOnly, modSeqs: c.condstore, vanishing: c.qresync, fields: &c.srv.fields}
	s, err := mb.Look(ctx)
	if err == nil {
		err = box.load(ctx, s)
	}
	if err != nil {
		mb.Close()
		return mail.Snapshot{}, err
	}
	c.box = box
	return s, nil
}

// deselect lets go of the selected mailbox, if there is one.
func (c *conn) deselect() {
	if c.box != nil {
		c.box.mb.Close()
		c.box = nil
	}
}

// closeBox is CLOSE: expunges without a word, but not what was opened read-only (RFC 3501, section 6.4.2).
func (c viewer) closeBox(ctx context.Context, cmd *command) reply {
	var err error
	if !c.box.readOnly {
		uids := c.box.deleted(nil)
		if err = c.box.expunge(ctx, uids); err == nil {
			c.stats.Expunged += len(uids)
		}
	}
	name := c.box.name
	c.deselect()
	if err != nil {
		return c.failed(ctx, cmd, name, err)
	}
	return c.w.completed(cmd.name)
}

func (c viewer) unselect(_ context.Context, cmd *command) reply {
	c.deselect()
	return c.w.completed(cmd.name)
}

// expunge is EXPUNGE, and UID EXPUNGE (RFC 4315, section 2.1).
func (c viewer) expunge(ctx context.Context, cmd *command) reply {
	var only syntax.Set
	if cmd.uid {
		set, err := cmd.p.Set()
		if err == nil {
			err = cmd.p.End()
		}
		if err == syntax.ErrSet {
			err = syntax.Error("Invalid uidset")
		}
		if err != nil {
			return c.failed(ctx, cmd, "", err)
		}
		only = set
	}
	if c.box.readOnly {
		return c.w.expungeReadOnly
	}
	// What others did first: a message that they undeleted stays.
	c.box.poll(ctx, c.conn, true)
	uids := c.box.deleted(only)
	if err := c.box.expunge(ctx, uids); err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	c.stats.Expunged += len(uids)
	c.box.poll(ctx, c.conn, true)
	r := c.w.completed(cmd.name)
	if c.condstore && len(uids) > 0 {
		r.code = "HIGHESTMODSEQ " + strconv.FormatUint(c.box.at.modSeq, 10)
	}
	return r
}

// deleted are the UIDs of messages that are marked \Deleted, among those of a set unless it is nil.
func (b *selected) deleted(only syntax.Set) (uids []uint32) {
	among := b.all()
	if only != nil {
		among = b.pickUIDs(only)
	}
	for _, i := range among {
		if b.view[i].Flags&mail.Deleted != 0 {
			uids = append(uids, b.view[i].UID)
		}
	}
	return uids
}

// all are the indexes of all messages.
func (b *selected) all() []int {
	all := make([]int, len(b.view))
	for i := range all {
		all[i] = i
	}
	return all
}

func (b *selected) expunge(ctx context.Context, uids []uint32) error {
	if len(uids) == 0 {
		return nil
	}
	_, err := b.mb.Expunge(ctx, slices.Clone(uids))
	return err
}
