package webmail

import (
	"slices"
	"strings"
	"unicode"

	"maillab/internal/mail/imap/entity"
)

// head is what of a message's header is shown and answered to; text is decoded and clean.
type head struct {
	Subject, Date         string
	From, To, Cc, ReplyTo []person
	MessageID             string   // with its angle brackets, as all IDs here
	References            []string // the thread before this message, the oldest first
}

// person is one of an address list, or the name of a group, without an address.
type person struct{ Name, Address string }

// Bounds of what is made of a header.
const (
	maxWords      = 2000 // octets of a field that are shown
	maxPeople     = 200  // of one field
	maxReferences = 30   // that an answer carries on
	maxID         = 250  // octets of a message's ID
)

// readHead reads a header, whatever it is made of. Of a field that comes twice the first counts, as in most mail programs.
func readHead(header []byte) (h head) {
	seen := map[string]bool{}
	var inReplyTo []string
	for f := range entity.Fields(header) {
		name := strings.ToLower(f.Name)
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "subject":
			h.Subject = clean(entity.Words(f.Text()))
		case "date":
			h.Date = clean(f.Text())
		case "from":
			h.From = peopleOf(f.Text())
		case "to":
			h.To = peopleOf(f.Text())
		case "cc":
			h.Cc = peopleOf(f.Text())
		case "reply-to":
			h.ReplyTo = peopleOf(f.Text())
		case "message-id":
			h.MessageID = strings.Join(lastOf(messageIDs(f.Text()), 1), "")
		case "references":
			h.References = messageIDs(f.Text())
		case "in-reply-to":
			inReplyTo = messageIDs(f.Text())
		}
	}
	if len(h.References) == 0 {
		h.References = inReplyTo
	}
	return h
}

func lastOf[T any](list []T, n int) []T { return list[max(0, len(list)-n):] }

// peopleOf reads an address list.
func peopleOf(value string) (all []person) {
	for _, a := range entity.Addresses(value) {
		p := person{Name: clean(entity.Words(a.Name)), Address: clean(entity.Words(a.Mailbox))}
		switch {
		case a.Group && a.Mailbox == "": // its end
			continue
		case a.Group:
			p = person{Name: p.Address}
		case a.Host != "":
			p.Address += "@" + clean(entity.Words(a.Host))
		}
		if p != (person{}) && len(all) < maxPeople {
			all = append(all, p)
		}
	}
	return all
}

// String is as people write it.
func (p person) String() string {
	switch {
	case p.Name == "":
		return p.Address
	case p.Address == "":
		return p.Name + ":"
	case strings.ContainsAny(p.Name, `",;:<>@()[]\`):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.Name) + `" <` + p.Address + ">"
	}
	return p.Name + " <" + p.Address + ">"
}

// short is one word for a person.
func (p person) short() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Address
}

// shortly names the first few of them.
func shortly(all []person) string {
	const few = 3
	var names []string
	for _, p := range all[:min(len(all), few)] {
		names = append(names, p.short())
	}
	if len(all) > few {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// listed is an address list as one types it.
func listed(all []person) string {
	var texts []string
	for _, p := range all {
		texts = append(texts, p.String())
	}
	return strings.Join(texts, ", ")
}

// messageIDs are the IDs in a field's value (RFC 5322 section 3.6.4).
func messageIDs(value string) (ids []string) {
	for {
		open := strings.IndexByte(value, '<')
		if open < 0 {
			return lastOf(ids, maxReferences)
		}
		value = value[open:]
		end := strings.IndexByte(value, '>')
		if end < 0 {
			return lastOf(ids, maxReferences)
		}
		if id := value[:end+1]; len(id) > 2 && len(id) <= maxID && !strings.ContainsFunc(id[1:end], notInID) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		value = value[end+1:]
	}
}

// notInID: an ID that we repeat is of printable ASCII.
func notInID(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' }

// clean is text on one line, with nothing in it that hides or turns what stands beside it.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), turns(r):
			return -1
		}
		return r
	}, cut(text, maxWords))
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
}

// turns tells the characters that change the direction of text or are not seen (UAX 9, UTR 36).
func turns(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c || r == 0xfeff
}

// cut bounds a text to so many octets, between two characters.
func cut(text string, octets int) string {
	if len(text) <= octets {
		return text
	}
	return strings.ToValidUTF8(text[:octets], "")
}
