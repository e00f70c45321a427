package imap

import (
	"context"
	"errors"
	"slices"

	"maillab/internal/mail"
)

// seenBatch is how many messages are marked \Seen at a time: few enough that a cut line leaves little marked that was
// not read, enough that the mailbox is not rewritten for each.
const seenBatch = 50

// fetch is FETCH and UID FETCH (RFC 3501, section 6.4.5).
func (c *conn) fetch(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.fetch(c.w)
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	if r.has(itemModSeq) || r.hasSince {
		c.enableCondstore()
	}
	indexes, missing := c.box.pick(r.set, cmd.uid)
	if len(missing) > 0 && c.w.badNumbers {
		return c.w.syntax(c, cmd.name, errSet)
	}
	f := &fetcher{conn: c, fetchRequest: r, uid: cmd.uid}
	f.arrange()
	if r.hasSince {
		indexes = slices.DeleteFunc(indexes, func(i int) bool { return c.box.view[i].ModSeq <= r.since })
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
func (c *conn) tellMissing(missing []uint32) {
	for _, n := range missing {
		c.out.printf("* NO Invalid message sequence number: %d\r\n", n)
	}
}

// fetcher is one FETCH on its way.
type fetcher struct {
	*conn
	*fetchRequest
	uid             bool
	marks           bool // something in it makes messages \Seen
	reads           bool // the messages' bytes are needed
	gone            bool // a message was gone
	unknownEncoding bool
}

// arrange puts the items into the order of the response.
func (f *fetcher) arrange() {
	if f.uid && !f.has(itemUID) {
		f.items = slices.Insert(f.items, 0, fetchItem{kind: itemUID, label: itemLabels(itemUID)})
	}
	if f.hasSince && !f.has(itemModSeq) {
		f.add(itemModSeq)
	}
	for _, i := range f.items {
		f.marks = f.marks || i.seen && !f.box.readOnly
		f.reads = f.reads || i.raw()
	}
	if f.w.seenFirst {
		small := func(i fetchItem) int { return boolInt(!i.small()) }
		slices.SortStableFunc(f.items, func(a, b fetchItem) int { return small(a) - small(b) })
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
	told := f.has(itemFlags)
	for n, item := range f.items {
		if n > 0 {
			f.out.byte(' ')
		}
		if marked && f.w.seenFirst && !told && !item.small() {
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
	f.writeItem(msg, fetchItem{kind: itemFlags, label: itemLabels(itemFlags)})
	f.out.byte(' ')
	if f.box.modSeqs && !f.has(itemModSeq) {
		f.writeItem(msg, fetchItem{kind: itemModSeq, label: itemLabels(itemModSeq)})
		f.out.byte(' ')
	}
}

// prepare reads what the items need, and finds out what cannot be had.
func (f *fetcher) prepare(msg *message) error {
	for _, item := range f.items {
		var err error
		switch item.kind {
		case itemEnvelope:
			_, err = msg.loadHeader()
		case itemBody, itemStructure:
			_, err = f.structureOf(msg)
		case itemSection:
			if len(item.section.path) > 0 {
				_, err = f.structureOf(msg)
			}
			if err == nil {
				_, _, err = msg.piece(item.section)
			}
		case itemBinary, itemBinarySize:
			if _, err = f.structureOf(msg); err == nil {
				err = msg.decodable(item.section)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
