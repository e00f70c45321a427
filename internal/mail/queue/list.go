package queue

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Item is a waiting message, for mailq and status.
type Item struct {
	ID         string          `json:"id"`
	Name       string          `json:"-"`    // what its client knows it by: mail.Envelope.Name
	Size       int64           `json:"size"` // as in the log
	Arrived    time.Time       `json:"arrived"`
	Sender     string          `json:"sender"` // "" is the null sender
	Active     bool            `json:"active"` // an attempt is under way
	Recipients []ItemRecipient `json:"recipients"`
}

// ItemRecipient is a recipient that is not through, and why.
type ItemRecipient struct {
	Address string `json:"address"`
	Reason  string `json:"reason"` // "" before the first attempt
}

// List tells what waits, oldest first.
func (q *schedule) List() []Item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := make([]Item, 0, len(q.entries))
	for _, e := range q.sorted() {
		item := Item{ID: e.env.ID, Name: e.env.Name(), Size: e.size, Arrived: e.env.Arrived, Sender: e.env.Sender.Full, Active: e.active}
		for _, i := range e.pending() {
			reason := e.states[i].Text
			if e.active {
				reason = "" // Postfix shows none while it tries
			}
			item.Recipients = append(item.Recipients, ItemRecipient{e.env.Recipients[i].Full, reason})
		}
		items = append(items, item)
	}
	return items
}

// FormatList writes a list as Postfix's mailq does.
func FormatList(items []Item, zone *time.Location) string {
	if len(items) == 0 {
		return "Mail queue is empty\n"
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b Item) int { return cmp.Compare(rank(a), rank(b)) })
	var b strings.Builder
	b.WriteString("-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n")
	var bytes int64
	for _, item := range items {
		formatItem(&b, item, zone)
		bytes += item.Size
	}
	plural := "s"
	if len(items) == 1 {
		plural = ""
	}
	fmt.Fprintf(&b, "-- %d Kbytes in %d Request%s.\n", bytes/1024, len(items), plural)
	return b.String()
}

// rank puts what is being tried first.
func rank(i Item) int {
	if i.Active {
		return 0
	}
	return 1
}

func formatItem(b *strings.Builder, item Item, zone *time.Location) {
	mark, sender := ' ', item.Sender
	if item.Active {
		mark = '*'
	}
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	fmt.Fprintf(b, "%-10s%c%8d %s  %s\n", item.ID, mark, item.Size, item.Arrived.In(zone).Format("Mon Jan _2 15:04:05"), sender)
	reason := ""
	for _, r := range item.Recipients {
		if r.Reason != reason {
			if reason = r.Reason; reason != "" {
				fmt.Fprintf(b, "%78s\n", "("+reason+")")
			}
		}
		fmt.Fprintf(b, "%41s%s\n", "", r.Address)
	}
	b.WriteByte('\n')
}
