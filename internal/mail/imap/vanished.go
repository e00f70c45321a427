package imap

import (
	"slices"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// enableQResync: from now on VANISHED stands for EXPUNGE (RFC 7162, section 3.2.10), and all that CONDSTORE brings is on.
func (c *conn) enableQResync() {
	c.enableCondstore()
	c.qresync = true
	if c.box != nil {
		c.box.vanishing = true
	}
}

// tellVanished tells which of these UIDs are gone that were there at a mod-sequence. When so much went since then that not
// all of it is remembered, it is every UID that could have been there and is not.
func (c viewer) tellVanished(s mail.Snapshot, since uint64, among syntax.Set) {
	all := syntax.Set{{Lo: 1, Hi: max(s.UIDNext, 2) - 1}}
	if among == nil {
		among = all
	}
	among = among.Resolve(all[0].Hi).Merged()
	var gone syntax.Set
	if s.Since > since {
		gone = absent(among, s)
	} else {
		var uids []uint32
		for _, v := range s.Vanished {
			if v.ModSeq > since && among.Has(v.UID) {
				uids = append(uids, v.UID)
			}
		}
		slices.Sort(uids)
		gone = syntax.Spans(uids)
	}
	if len(gone) > 0 {
		c.out.str("* VANISHED (EARLIER) " + gone.String() + "\r\n")
	}
}

// absent are those UIDs of a set that are not in a snapshot, and could once have been.
func absent(among syntax.Set, s mail.Snapshot) (gone syntax.Set) {
	j := 0
	for _, r := range among {
		next, end := uint64(r.Lo), min(uint64(r.Hi), uint64(s.UIDNext)-1)
		for ; j < len(s.Messages) && uint64(s.Messages[j].UID) <= end; j++ {
			uid := uint64(s.Messages[j].UID)
			if uid > next {
				gone = append(gone, syntax.Span{Lo: uint32(next), Hi: uint32(uid - 1)})
			}
			next = max(next, uid+1)
		}
		if next <= end {
			gone = append(gone, syntax.Span{Lo: uint32(next), Hi: uint32(end)})
		}
	}
	return gone
}

// resynchronize tells who comes back what went and what changed meanwhile (RFC 7162, section 3.2.5).
func (c account) resynchronize(s mail.Snapshot, q *syntax.QResync) {
	if q == nil || q.Validity != s.UIDValidity {
		return
	}
	viewer(c).tellVanished(s, q.ModSeq, q.Known)
	known := q.Known
	if known != nil {
		known = known.Resolve(max(s.UIDNext, 2) - 1).Merged()
	}
	for i, m := range c.box.view {
		if m.ModSeq > q.ModSeq && (known == nil || known.Has(m.UID)) {
			c.tellFlags(i, true)
		}
	}
}
