// Package order is how SORT and THREAD order messages (RFC 5256): what counts of each, comparing two, and threads. It is pure.
package order

import (
	"cmp"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"maillab/internal/mail/imap/entity"
)

// Entry is what SORT and THREAD know of a message.
type Entry struct {
	Index         int // among the messages, from 0
	Arrival, Sent time.Time
	Size          int64
	from, to, cc  string // the first address's mailbox, folded
	subject       string // base subject, folded
	reply         bool   // the subject was a reply's or a forward's
	id            string
	refs          []string // from the oldest on
}

func (e *Entry) Compare(o *Entry, by string) int {
	switch by {
	case "ARRIVAL":
		return e.Arrival.Compare(o.Arrival)
	case "DATE":
		return e.Sent.Compare(o.Sent)
	case "SIZE":
		return cmp.Compare(e.Size, o.Size)
	case "FROM":
		return cmp.Compare(e.from, o.from)
	case "TO":
		return cmp.Compare(e.to, o.to)
	case "CC":
		return cmp.Compare(e.cc, o.cc)
	}
	return cmp.Compare(e.subject, o.subject)
}

// Read takes what counts out of a header; the first field of a name does.
func (e *Entry) Read(header []byte) {
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
				e.Sent = t
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
