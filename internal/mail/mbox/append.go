package mbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"maillab/internal/mail"
)

// appendLocked appends a group under the mailbox's locks. It has no caller's context: the group belongs to several.
func (b appender) appendLocked(group []*request) error {
	ctx := context.Background()
	aim := aims{kind: writeLock, create: b.creates(group), verify: true}
	return b.locked(ctx, aim, func() error {
		b.spool.slots <- struct{}{} // not before the lock: who waits for somebody else's keeps nobody from writing
		defer func() { <-b.spool.slots }()
		return b.append(ctx, group)
	})
}

// creates tells whether a delivery may make the mailbox: INBOX always, a folder only when it is mail that arrives.
func (b appender) creates(group []*request) bool {
	for _, r := range group {
		if !r.wantUIDs {
			return true
		}
	}
	return b.name == Inbox
}

// append writes the group behind the file's last byte, syncs once, and notes the new end. If anything fails the file is
// cut back to what it was.
func (b appender) append(ctx context.Context, group []*request) error {
	if err := b.openNote(); err != nil {
		return classify(b.what("noting an append to"), err)
	}
	before, _, err := stampFile(b.f)
	if err != nil {
		return classify(b.what("looking at"), err)
	}
	messages := flatten(group)
	if err := b.fits(ctx, messages); err != nil {
		return err
	}
	gap, err := b.gap(before.size)
	if err != nil {
		return classify(b.what("reading"), err)
	}
	starts, err := b.write(before, gap, messages)
	if err != nil {
		return classify(b.what("appending to"), b.takeBack(before, err))
	}
	after, _, err := stampFile(b.f)
	if err != nil {
		return classify(b.what("looking at"), err)
	}
	if err := b.appended(before, after); err != nil {
		b.spool.cfg.Log.Warn("tail note not written", "user", b.user, "box", b.name, "error", err)
	}
	if err := b.ingest(ctx, starts, group); err != nil {
		b.spool.cfg.Log.Warn("new mail not looked at", "user", b.user, "box", b.name, "error", err)
	}
	return nil
}

// fits refuses what there is no room for.
func (b appender) fits(ctx context.Context, messages []*mail.Delivery) error {
	if b.spool.cfg.Room == nil {
		return nil
	}
	var octets int64
	for _, m := range messages {
		octets += m.Size()
	}
	if err := b.spool.cfg.Room(ctx, b.user, octets); err != nil {
		return fmt.Errorf("%s: %w", b.what("appending to"), err)
	}
	return nil
}

func flatten(group []*request) (messages []*mail.Delivery) {
	for _, r := range group {
		messages = append(messages, r.messages...)
	}
	return messages
}

// gap is what the file lacks to end with an empty line, as every message must: an editor may have left it without.
func (b appender) gap(size int64) (string, error) {
	end := make([]byte, min(size, 2))
	if _, err := b.f.ReadAt(end, size-int64(len(end))); err != nil && err != io.EOF {
		return "", err
	}
	switch {
	case len(end) == 0, string(end) == "\n", string(end) == "\n\n":
		return "", nil
	case end[len(end)-1] == '\n':
		return "\n", nil
	}
	return "\n\n", nil
}

// write notes the append, writes it and syncs. The messages are composed twice, first for the note's checksum: cheaper
// than to keep a second copy of a large one.
func (b appender) write(before stamp, gap string, messages []*mail.Delivery) (starts []int64, err error) {
	zone, disk := b.spool.cfg.Zone, b.spool.cfg.disk
	w := b.spool.takeWriter()
	defer b.spool.appends.Put(w)
	starts, total, err := measure(w, before.size, gap, messages, zone)
	if err != nil {
		return nil, err
	}
	var line extent
	_, _ = io.WriteString(&line, gap+fromLine(messages[0].Sender, messages[0].At.In(zone)))
	note := b.tail
	if note.To.stamp() != before {
		note.From, note.To = noteStamp(before), noteStamp(before)
	}
	note.Pending, note.Off, note.Len, note.CRC = 1, before.size, total.len, uint64(total.crc)
	note.LineLen, note.LineCRC = line.len, uint64(line.crc)
	if err := b.writeNote(note); err != nil {
		return nil, err
	}
	w.Reset(&fileWriter{disk: disk, f: b.f, off: before.size})
	if err := composeAll(w, gap, messages, zone); err != nil {
		return nil, err
	}
	return starts, disk.Sync(b.f)
}

// takeWriter returns a buffer for appending. Between appends it is back in the pool: a hundred idle mailboxes need none.
func (s *Spool) takeWriter() *bufio.Writer {
	if w, ok := s.appends.Get().(*bufio.Writer); ok {
		return w
	}
	return bufio.NewWriterSize(nil, writeBuffer)
}

// takeBack cuts the file back after a failed append. If even that fails the note stays pending, and the next one who
// opens the mailbox cuts it.
func (b appender) takeBack(before stamp, failed error) error {
	disk := b.spool.cfg.disk
	if err := disk.Truncate(b.f, before.size); err != nil {
		b.recovered = false
		return errors.Join(failed, err)
	}
	if err := disk.Sync(b.f); err != nil {
		return errors.Join(failed, err)
	}
	note := b.tail
	note.Pending = 0
	return errors.Join(failed, b.writeNote(note))
}

// ingest brings the picture of a mailbox that somebody has open up to date with an append, which is durable already:
// what goes wrong here is found again by the next look.
func (b appender) ingest(ctx context.Context, starts []int64, group []*request) error {
	if !b.loaded && !slices.ContainsFunc(group, func(r *request) bool { return r.wantUIDs }) {
		return nil
	}
	if err := b.look(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := make(map[int64]*message, len(b.msgs))
	for i := range b.msgs {
		at[b.msgs[i].start] = &b.msgs[i]
	}
	var put []message
	for _, r := range group {
		for _, d := range r.messages {
			m := at[starts[0]]
			starts = starts[1:]
			if m == nil || !r.wantUIDs {
				continue
			}
			r.uids = append(r.uids, m.UID)
			if d.Flags&mail.Deleted != 0 { // the one flag that the file does not tell
				m.Flags |= mail.Deleted
				put = append(put, *m)
			}
		}
	}
	if len(put) == 0 {
		return nil
	}
	b.snapshot = nil
	return b.record(put, nil)
}
