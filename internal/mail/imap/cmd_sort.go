package imap

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
	"maillab/internal/mail/imap/syntax"
)

// sort is SORT and UID SORT.
func (c viewer) sort(ctx context.Context, cmd *command) reply {
	by, key, err := cmd.p.Sort()
	if err != nil {
		return c.searchFailed(ctx, cmd, err)
	}
	entries, err := c.entries(ctx, key)
	if err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	slices.SortStableFunc(entries, func(a, b *entry) int {
		for _, k := range by {
			if order := a.compare(b, k.By); order != 0 {
				if k.Reverse {
					return -order
				}
				return order
			}
		}
		return a.index - b.index
	})
	indexes := make([]int, len(entries))
	for i, e := range entries {
		indexes[i] = e.index
	}
	c.tellNumbers("SORT", c.numbers(indexes, cmd.uid), 0)
	return c.w.completed(cmd.name)
}

// entry is what SORT and THREAD know of a message.
type entry struct {
	index         int
	arrival, sent time.Time
	size          int64
	from, to, cc  string // the first address's mailbox, folded
	subject       string // base subject, folded
	reply         bool   // the subject was a reply's or a forward's
	id            string
	refs          []string // from the oldest on
}

func (e *entry) compare(o *entry, by string) int {
	switch by {
	case "ARRIVAL":
		return e.arrival.Compare(o.arrival)
	case "DATE":
		return e.sent.Compare(o.sent)
	case "SIZE":
		return cmp.Compare(e.size, o.size)
	case "FROM":
		return cmp.Compare(e.from, o.from)
	case "TO":
		return cmp.Compare(e.to, o.to)
	case "CC":
		return cmp.Compare(e.cc, o.cc)
	}
	return cmp.Compare(e.subject, o.subject)
}

// entries reads the headers of the messages that a key fits.
func (c viewer) entries(ctx context.Context, key *syntax.SearchKey) ([]*entry, error) {
	found, err := c.find(ctx, key)
	if err != nil {
		return nil, err
	}
	entries := make([]*entry, 0, len(found))
	for _, i := range found {
		e, err := c.box.entry(ctx, i)
		if errors.Is(err, mail.ErrGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (b *selected) entry(ctx context.Context, index int) (*entry, error) {
	m, err := b.open(b.view[index])
	if err != nil {
		return nil, err
	}
	defer m.close()
	header, err := m.loadHeader()
	if err != nil {
		return nil, err
	}
	e := &entry{index: index, arrival: m.Date, sent: m.Date, size: m.Size}
	e.read(header)
	return e, nil
}

// read takes what counts out of a header; the first field of a name does.
func (e *entry) read(header []byte) {
	seen := map[string]bool{}
	inReplyTo := ""
	for f := range entity.Fields(header) {
		name := strings.ToLower(f.Name)
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "date":
			if t, ok := entity.Date(f.Text()); ok {
				e.sent = t
			}
		case "from":
			e.from = firstMailbox(f)
		case "to":
			e.to = firstMailbox(f)
		case "cc":
			e.cc = firstMailbox(f)
		case "subject":
			base, reply := entity.BaseSubject(entity.Words(f.Text()))
			e.subject, e.reply = collate(base), reply
		case "message-id":
			if ids := messageIDs(f.Text(), 1); len(ids) > 0 {
				e.id = ids[0]
			}
		case "in-reply-to":
			inReplyTo = f.Text()
		case "references":
			e.refs = messageIDs(f.Text(), maxRefs)
		}
	}
	if len(e.refs) == 0 { // RFC 5256, section 3: only the first of In-Reply-To
		e.refs = messageIDs(inReplyTo, 1)
	}
}

func firstMailbox(f entity.Field) string {
	for _, a := range entity.Addresses(f.Text()) { // a group's name is one, too
		return collate(a.Mailbox)
	}
	return ""
}

// collate makes texts comparable as i;unicode-casemap does (RFC 5051): É sorts with E.
func collate(s string) string { return norm.NFKD.String(strings.ToUpper(s)) }

// maxRefs bounds one message's references: the newest count.
const maxRefs = 500

// messageIDs finds <left@right> in a field, without the brackets.
func messageIDs(s string, limit int) []string {
	var ids []string
	for {
		_, rest, ok := strings.Cut(s, "<")
		if !ok {
			return ids
		}
		id, after, ok := strings.Cut(rest, ">")
		if !ok {
			return ids
		}
		if id = strings.Join(strings.Fields(id), ""); id != "" {
			if ids = append(ids, id); limit == 1 {
				return ids
			}
		}
		if len(ids) > limit {
			ids = ids[1:]
		}
		s = after
	}
}
