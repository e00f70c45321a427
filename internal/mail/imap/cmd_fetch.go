package imap

import (
	"context"
	"errors"
	"slices"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// seenBatch is how many messages are marked \Seen at a time: few enough that a cut line leaves little marked that was
// not read, enough that the mailbox is not rewritten for each.
const seenBatch = 50

// fetch is FETCH and UID FETCH (RFC 3501, section 6.4.5).
func (c viewer) fetch(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.Fetch()
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	if r.Vanished && (!cmd.uid || !c.qresync) {
		return c.failed(ctx, cmd, "", syntax.Error("VANISHED needs UID FETCH and QRESYNC"))
	}
	if r.Has(syntax.ItemModSeq) || r.HasSince {
		c.enableCondstore()
	}
	indexes, missing := c.box.pick(r.Set, cmd.uid)
	if len(missing) > 0 && c.w.badNumbers {
		return c.w.syntax(c.conn, cmd.name, syntax.ErrSet)
	}
	f := &fetcher{viewer: c, Fetch: r, uid: cmd.uid}
	f.arrange()
	if r.Vanished {
		s, err := c.box.mb.Look(ctx)
		if err != nil {
			return c.failed(ctx, cmd, c.box.name, err)
		}
		c.tellVanished(s, r.Since, r.Set)
	}
	if r.HasSince {
		indexes = slices.DeleteFunc(indexes, func(i int) bool { return c.box.view[i].ModSeq <= r.Since })
	}
	for batch := range slices.Chunk(indexes, seenBatch) {
		if err := f.batch(ctx, batch); err != nil {
			return c.failed(ctx, cmd, c.box.name, err)
		}
	}
	c.tellMissing(missing)
	switch {
	case f.unknownEncoding:
		return no("UNKNOWN-CTE", "Cannot decode a part's Content-Transfer-Encoding.")
	case f.gone:
		return c.w.gone
	}
	return c.w.completed(cmd.name)
}

// tellMissing tells, where the wording does not make a mistake of it, the message numbers that are not there.
func (c viewer) tellMissing(missing []uint32) {
	for _, n := range missing {
		c.out.printf("* NO Invalid message sequence number: %d\r\n", n)
	}
}

// fetcher is one FETCH on its way.
type fetcher struct {
	viewer
	*syntax.Fetch
	uid             bool
	marks           bool // something in it makes messages \Seen
	reads           bool // the messages' bytes are needed
	gone            bool // a message was gone
	unknownEncoding bool
}

// arrange puts the items into the order of the response.
func (f *fetcher) arrange() {
	if f.uid && !f.Has(syntax.ItemUID) {
		f.Items = slices.Insert(f.Items, 0, syntax.Plain(syntax.ItemUID))
	}
	if f.HasSince && !f.Has(syntax.ItemModSeq) {
		f.Items = append(f.Items, syntax.Plain(syntax.ItemModSeq))
	}
	for _, i := range f.Items {
		f.marks = f.marks || i.Seen && !f.box.readOnly
		f.reads = f.reads || i.Reads()
	}
	if f.w.seenFirst {
		small := func(i syntax.Item) int { return boolInt(!i.Small()) }
		slices.SortStableFunc(f.Items, func(a, b syntax.Item) int { return small(a) - small(b) })
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// batch answers for some messages, which become \Seen first.
func (f *fetcher) batch(ctx context.Context, indexes []int) error {
	marked, err := f.markSeen(ctx, indexes)
	if err != nil {
		return err
	}
	for _, i := range indexes {
		if err := errors.Join(ctx.Err(), f.out.err); err != nil {
			return err
		}
		err := f.one(ctx, i, marked[f.box.view[i].UID])
		switch {
		case errors.Is(err, mail.ErrGone):
			f.gone = true
		case errors.Is(err, errUnknownEncoding):
			f.unknownEncoding = true
		case err != nil:
			return err
		}
	}
	return nil
}

// markSeen sets \Seen where it is not yet, and returns for which.
func (f *fetcher) markSeen(ctx context.Context, indexes []int) (map[uint32]bool, error) {
	if !f.marks {
		return nil, nil
	}
	var uids []uint32
	for _, i := range indexes {
		if f.box.view[i].Flags&mail.Seen == 0 {
			uids = append(uids, f.box.view[i].UID)
		}
	}
	if len(uids) == 0 {
		return nil, nil
	}
	result, err := f.box.mb.Store(ctx, uids, mail.FlagChange{Op: mail.AddFlags, Flags: mail.Seen})
	if errors.Is(err, mail.ErrFull) || errors.Is(err, mail.ErrLocked) { // reading is more important than the mark
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f.box.update(result.Messages)
	marked := make(map[uint32]bool, len(result.Messages))
	for _, m := range result.Messages {
		marked[m.UID] = true
	}
	return marked, nil
}

// one writes the response for one message. All that may fail comes before the first octet is written.
func (f *fetcher) one(ctx context.Context, index int, marked bool) error {
	msg := &message{Message: f.box.view[index]}
	if f.reads {
		var err error
		if msg, err = f.box.open(msg.Message); err != nil {
			return err
		}
		defer msg.close()
		if err := f.prepare(msg); err != nil {
			return err
		}
	}
	f.out.printf("* %d FETCH (", index+1)
	told := f.Has(syntax.ItemFlags)
	for n, item := range f.Items {
		if n > 0 {
			f.out.byte(' ')
		}
		if marked && f.w.seenFirst && !told && !item.Small() {
			f.writeSeen(msg)
			told = true
		}
		f.writeItem(msg, item)
	}
	f.out.str(")\r\n")
	if marked && !f.w.seenFirst {
		f.tellFlags(index, f.uid && f.condstore)
	}
	return nil
}

// writeSeen writes the flags that reading the message is about to change.
func (f *fetcher) writeSeen(msg *message) {
	f.writeItem(msg, syntax.Plain(syntax.ItemFlags))
	f.out.byte(' ')
	if f.box.modSeqs && !f.Has(syntax.ItemModSeq) {
		f.writeItem(msg, syntax.Plain(syntax.ItemModSeq))
		f.out.byte(' ')
	}
}

// prepare reads what the items need, and finds out what cannot be had.
func (f *fetcher) prepare(msg *message) error {
	for _, item := range f.Items {
		var err error
		switch item.Kind {
		case syntax.ItemEnvelope:
			_, err = msg.loadHeader()
		case syntax.ItemBody, syntax.ItemStructure:
			_, err = f.structureOf(msg)
		case syntax.ItemSection:
			if len(item.Section.Path) > 0 {
				_, err = f.structureOf(msg)
			}
			if err == nil {
				_, _, err = msg.piece(item.Section)
			}
		case syntax.ItemBinary, syntax.ItemBinarySize:
			if _, err = f.structureOf(msg); err == nil {
				err = msg.decodable(item.Section)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
