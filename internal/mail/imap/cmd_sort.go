package imap

import (
	"context"
	"errors"
	"slices"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/order"
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
	slices.SortStableFunc(entries, func(a, b *order.Entry) int {
		for _, k := range by {
			if order := a.Compare(b, k.By); order != 0 {
				if k.Reverse {
					return -order
				}
				return order
			}
		}
		return a.Index - b.Index
	})
	indexes := make([]int, len(entries))
	for i, e := range entries {
		indexes[i] = e.Index
	}
	c.tellNumbers("SORT", c.numbers(indexes, cmd.uid), 0)
	return c.w.completed(cmd.name)
}

// entries reads the headers of the messages that a key fits.
func (c viewer) entries(ctx context.Context, key *syntax.SearchKey) ([]*order.Entry, error) {
	found, err := c.find(ctx, key)
	if err != nil {
		return nil, err
	}
	entries := make([]*order.Entry, 0, len(found))
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

func (b *selected) entry(ctx context.Context, index int) (*order.Entry, error) {
	m, err := b.open(b.view[index])
	if err != nil {
		return nil, err
	}
	defer m.close()
	header, err := m.loadHeader()
	if err != nil {
		return nil, err
	}
	e := &order.Entry{Index: index, Arrival: m.Date, Sent: m.Date, Size: m.Size}
	e.Read(header)
	return e, nil
}
