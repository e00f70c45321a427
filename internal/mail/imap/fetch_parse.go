package imap

import "strings"

type itemKind uint8

const (
	itemFlags itemKind = iota
	itemUID
	itemDate
	itemSize
	itemModSeq
	itemEnvelope
	itemBody
	itemStructure
	itemSection    // BODY[…], and the RFC822 items, which are other names for some
	itemBinary     // BINARY[…]
	itemBinarySize // BINARY.SIZE[…]
)

// fetchItem is one thing that FETCH is asked for.
type fetchItem struct {
	kind    itemKind
	label   string
	seen    bool // reading it makes the message \Seen
	section section
	partial bool
	off, n  int64
}

// small items come without a literal of any size.
func (i fetchItem) small() bool { return i.kind < itemSection }

// raw says whether the message's bytes are needed.
func (i fetchItem) raw() bool { return i.kind >= itemEnvelope }

// fetchRequest is a FETCH command.
type fetchRequest struct {
	set      numSet
	items    []fetchItem
	since    uint64 // CHANGEDSINCE (RFC 7162)
	hasSince bool
}

// has says whether an item of this kind was asked for.
func (r *fetchRequest) has(kind itemKind) bool {
	for _, i := range r.items {
		if i.kind == kind {
			return true
		}
	}
	return false
}

// fetch takes the arguments of FETCH.
func (p *parser) fetch(w *words) (*fetchRequest, error) {
	r := &fetchRequest{}
	var err error
	if r.set, err = p.set(); err != nil {
		return nil, err
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	one := func() error { return p.fetchItem(r, w) }
	if p.peek() == '(' {
		err = p.list(one)
	} else {
		err = one()
	}
	if err != nil {
		return nil, err
	}
	if p.blanks(); p.peek() == '(' {
		if err := p.list(func() error { return p.fetchModifier(r) }); err != nil {
			return nil, err
		}
	}
	if len(r.items) == 0 {
		return nil, errArguments
	}
	return r, p.end()
}

func (p *parser) fetchModifier(r *fetchRequest) (err error) {
	if p.keyword() != "CHANGEDSINCE" {
		return errSyntax("Unknown FETCH modifier.")
	}
	if err := p.space(); err != nil {
		return err
	}
	r.hasSince = true
	r.since, err = p.number64()
	return err
}

// fetchItem takes one item or macro.
func (p *parser) fetchItem(r *fetchRequest, w *words) error {
	switch word := p.keyword(); word {
	case "ALL":
		r.add(itemFlags, itemDate, itemSize, itemEnvelope)
	case "FAST":
		r.add(itemFlags, itemDate, itemSize)
	case "FULL":
		r.add(itemFlags, itemDate, itemSize, itemEnvelope, itemBody)
	case "FLAGS":
		r.add(itemFlags)
	case "UID":
		r.add(itemUID)
	case "INTERNALDATE":
		r.add(itemDate)
	case "RFC822.SIZE":
		r.add(itemSize)
	case "MODSEQ":
		r.add(itemModSeq)
	case "ENVELOPE":
		r.add(itemEnvelope)
	case "BODYSTRUCTURE":
		r.add(itemStructure)
	case "RFC822":
		r.items = append(r.items, fetchItem{kind: itemSection, label: word, seen: true})
	case "RFC822.HEADER":
		r.items = append(r.items, fetchItem{kind: itemSection, label: word, section: section{what: headerOnly}})
	case "RFC822.TEXT":
		r.items = append(r.items, fetchItem{kind: itemSection, label: word, seen: true, section: section{what: textOnly}})
	case "BODY", "BODY.PEEK", "BINARY", "BINARY.PEEK", "BINARY.SIZE":
		if word == "BODY" && p.peek() != '[' {
			r.add(itemBody)
			return nil
		}
		return p.bracketItem(r, word, w)
	default:
		return errSyntax("Unknown parameter: " + word)
	}
	return nil
}

// itemLabels are the names of the items without brackets, by kind.
func itemLabels(kind itemKind) string {
	return [...]string{"FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "ENVELOPE", "BODY", "BODYSTRUCTURE"}[kind]
}

func (r *fetchRequest) add(kinds ...itemKind) {
	for _, k := range kinds {
		r.items = append(r.items, fetchItem{kind: k, label: itemLabels(k)})
	}
}

// bracketItem takes what follows BODY, BODY.PEEK or BINARY: […] and perhaps <offset.octets>.
func (p *parser) bracketItem(r *fetchRequest, word string, w *words) (err error) {
	base, peek := strings.CutSuffix(word, ".PEEK")
	item := fetchItem{kind: itemSection, seen: !peek}
	switch base {
	case "BINARY":
		item.kind = itemBinary
	case "BINARY.SIZE":
		item.kind, item.seen = itemBinarySize, false
	}
	if item.section, err = p.section(base != "BODY"); err != nil {
		return err
	}
	item.label = base + "[" + item.section.label(w) + "]"
	if p.peek() == '<' && item.kind != itemBinarySize {
		if err := p.partial(&item); err != nil {
			return err
		}
	}
	r.items = append(r.items, item)
	return nil
}

// partial takes <offset.octets>, octets at least 1.
func (p *parser) partial(item *fetchItem) error {
	p.take('<')
	off, err := p.number()
	if err != nil || !p.take('.') {
		return errArguments
	}
	n, err := p.number()
	if err != nil || n == 0 || !p.take('>') {
		return errArguments
	}
	item.partial, item.off, item.n = true, int64(off), int64(n)
	item.label += "<" + string(appendUint(nil, off)) + ">"
	return nil
}
