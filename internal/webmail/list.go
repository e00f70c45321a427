package webmail

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"maillab/internal/mail/imap/entity"
)

// Bounds of a list.
const (
	pageLength   = 25      // messages
	listedHeader = 8 << 10 // octets that are read of a message's header
	maxQuery     = 200     // octets of what is searched for
)

// row is a message in a list.
type row struct {
	At       place
	Subject  string
	Who      string // wrote it; in a folder of sent mail, whom it is to
	Date     time.Time
	Size     int64
	Unread   bool
	Answered bool
}

// listPage is a folder.
type listPage struct {
	frame
	Folders     []folder
	Here        folder
	Query       string
	Rows        []row
	From, Until int // the rows' places in the whole list, from 1
	Total       int
	Page        int
	More        bool // there are older ones
	outcome
}

// list shows a folder, a page at a time, the newest first; or what a search finds in it.
func (m *Mail) list(v *Visit) {
	p := m.place(v.R)
	page := listPage{Query: query(v.R.FormValue("q")), Page: int(max(1, number(v.R, "page"))), outcome: v.outcome()}
	m.with(v, p, func(_ context.Context, c *line) (err error) {
		if page.Folders, err = c.folders(p.Box); err != nil {
			return err
		}
		box, err := c.enterFolder(place{Box: p.Box})
		if err != nil {
			return err
		}
		p.Validity = box.UIDValidity
		page.Here = folder{Name: p.Box, Label: c.label(p.Box)}
		if i := slices.IndexFunc(page.Folders, func(f folder) bool { return f.Here }); i >= 0 {
			page.Here = page.Folders[i]
		}
		return page.fill(c, p, int(box.NumMessages))
	}, func() {
		page.frame = m.frame(v, p)
		v.show(http.StatusOK, page.Here.Label, "list", page)
	})
}

// query is what may be searched for.
func query(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, text))
	return cut(text, maxQuery)
}

// fill fetches the page's rows out of so many messages, or out of those that a search finds.
func (l *listPage) fill(c *line, p place, messages int) error {
	if l.Query == "" {
		first, last := l.bounds(messages)
		return l.fetch(c, p, imap.SeqSet{{Start: uint32(first), Stop: uint32(last)}})
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{Text: []string{l.Query}}, nil).Wait()
	if err != nil {
		return err
	}
	uids := found.AllUIDs()
	slices.Sort(uids)
	first, last := l.bounds(len(uids))
	if last == 0 {
		return nil
	}
	return l.fetch(c, p, imap.UIDSetNum(uids[first-1:last]...))
}

// bounds are the places of the page's messages, the oldest being 1; 0, 0 when there are none.
func (l *listPage) bounds(messages int) (first, last int) {
	l.Total = messages
	pages := (messages + pageLength - 1) / pageLength
	l.Page = max(1, min(l.Page, pages))
	last = messages - (l.Page-1)*pageLength
	first = max(1, last-pageLength+1)
	l.More = l.Page < pages
	l.From, l.Until = messages-last+1, messages-first+1
	if messages == 0 {
		return 0, 0
	}
	return first, last
}

// fetch reads rows, the newest first.
func (l *listPage) fetch(c *line, p place, which imap.NumSet) error {
	if l.Total == 0 {
		return nil
	}
	header := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true,
		HeaderFields: []string{"Subject", "From", "To", "Date"}, Partial: &imap.SectionPartial{Size: listedHeader}}
	fetched, err := c.Fetch(which, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true,
		BodySection: []*imap.FetchItemBodySection{header}}).Collect()
	if err != nil {
		return err
	}
	for _, f := range fetched {
		l.Rows = append(l.Rows, rowOf(f, p, f.FindBodySection(header), l.Here.Special == "sent"))
	}
	slices.SortFunc(l.Rows, func(a, b row) int { return cmp.Compare(b.At.UID, a.At.UID) })
	return nil
}

// rowOf is a row out of what was fetched.
func rowOf(f *imapclient.FetchMessageBuffer, p place, header []byte, sent bool) row {
	h := readHead(header)
	r := row{At: p.at(f.UID), Subject: h.Subject, Who: shortly(h.From), Date: f.InternalDate, Size: f.RFC822Size,
		Unread: !slices.Contains(f.Flags, imap.FlagSeen), Answered: slices.Contains(f.Flags, imap.FlagAnswered)}
	if sent {
		r.Who = shortly(h.To)
	}
	if h.Date != "" {
		if date, ok := entity.Date(h.Date); ok {
			r.Date = date
		}
	}
	return r
}
