package mbox

import (
	"context"
	"io"
	"os"
	"slices"

	"maillab/internal/mail"
)

// look brings the picture up to date with the file. It runs under the file's lock (or without a file, when there is
// none), and costs one stat when nothing changed.
func (b *box) look(ctx context.Context) error {
	if err := b.load(); err != nil {
		return err
	}
	if b.f == nil {
		return b.replace(nil, stamp{}, true)
	}
	now, _, err := stampFile(b.f)
	if err != nil {
		return classify(b.what("looking at"), err)
	}
	if now == b.known && b.sure {
		return nil
	}
	sure := !now.racy(b.spool.cfg.Now())
	if from, ok := b.extends(now); ok {
		recs, err := b.scan(ctx, b.f, from, now.size)
		if err != nil {
			return classify(b.what("reading"), err)
		}
		return b.extend(recs, now)
	}
	recs, err := b.scan(ctx, b.f, 0, now.size)
	if err != nil {
		return classify(b.what("reading"), err)
	}
	return b.replace(recs, now, sure)
}

// extends tells whether the file is what we know plus appends of our own, and where those start.
func (b *box) extends(now stamp) (from int64, ok bool) {
	t := b.tail
	ok = b.sure && t.Pending == 0 && t.To.stamp() == now && t.From.stamp() == b.known && b.known.ino == now.ino
	return b.known.size, ok
}

// scan reads the messages of a range.
func (b *box) scan(ctx context.Context, f *os.File, from, to int64) (recs []record, err error) {
	s := newScanner(f, from, to, b.spool.cfg.Zone)
	for ctx.Err() == nil {
		r, err := s.next()
		if err == io.EOF {
			return recs, nil
		}
		if err != nil {
			return nil, err
		}
		recs = append(recs, r)
	}
	return nil, ctx.Err()
}

// extend adds messages that were appended to what is known.
func (b *box) extend(recs []record, now stamp) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := len(b.msgs)
	b.add(recs, b.spool.cfg.Now())
	b.known, b.sure = now, true
	if len(recs) > 0 {
		b.tell()
	}
	return b.record(b.msgs[from:], nil)
}

// replace takes over a file that somebody else changed: known messages keep their UIDs, new ones get theirs, what is
// gone is forgotten.
func (b *box) replace(recs []record, now stamp, sure bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == now && len(recs) == 0 && len(b.msgs) == 0 && b.indexSize > 0 {
		b.sure = sure
		return nil
	}
	found := match(b.msgs, recs)
	kept := make([]message, 0, len(recs))
	var fresh []record
	b.modseq++
	visible := false
	for i, j := range found {
		if j < 0 {
			fresh = append(fresh, recs[i])
			continue
		}
		m := b.msgs[j]
		if m.merge(recs[i]) {
			m.ModSeq = b.modseq
			visible = true
		}
		kept = append(kept, m)
	}
	slices.SortFunc(kept, func(a, b message) int { return int(int64(a.UID) - int64(b.UID)) })
	gone := b.missing(kept)
	b.msgs = kept
	b.add(fresh, b.spool.cfg.Now())
	for _, uid := range gone {
		b.vanish(mail.Vanished{UID: uid, ModSeq: b.modseq})
	}
	b.known, b.sure = now, sure
	b.moved++
	if !visible && len(gone) == 0 && len(fresh) == 0 {
		b.modseq--
	} else {
		b.tell()
	}
	b.snapshot = nil
	return b.save()
}

// missing are the messages that sessions see and that are not among those that are kept. Both ascend by UID.
func (p *picture) missing(kept []message) (gone []uint32) {
	j := 0
	for i := range p.msgs {
		uid := p.msgs[i].UID
		for j < len(kept) && kept[j].UID < uid {
			j++
		}
		if (j == len(kept) || kept[j].UID != uid) && !p.msgs[i].expunged {
			gone = append(gone, uid)
		}
	}
	return gone
}
