package syntax

import (
	"slices"
	"strconv"
	"strings"
)

// ItemKind is what a FETCH item tells.
type ItemKind uint8

// The kinds.
const (
	ItemFlags ItemKind = iota
	ItemUID
	ItemDate
	ItemSize
	ItemModSeq
	ItemEnvelope
	ItemBody
	ItemStructure
	ItemSection    // BODY[…], and the RFC822 items, which are other names for some
	ItemBinary     // BINARY[…]
	ItemBinarySize // BINARY.SIZE[…]
)

// Item is one thing that FETCH is asked for.
type Item struct {
	Kind    ItemKind
	name    string // BODY of BODY.PEEK[…], RFC822.TEXT
	Seen    bool   // reading it makes the message \Seen
	Section Section
	Partial bool
	Off, N  int64
}

// Plain is an item without brackets.
func Plain(kind ItemKind) Item {
	return Item{Kind: kind, name: [...]string{"FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "ENVELOPE", "BODY", "BODYSTRUCTURE"}[kind]}
}

// Small items come without a literal of any size.
func (i Item) Small() bool { return i.Kind < ItemSection }

// Reads says whether the message's bytes are needed.
func (i Item) Reads() bool { return i.Kind >= ItemEnvelope }

// Label is the item as the response gives it back, with the field names in it written by field.
func (i Item) Label(field func(name string, quoted bool) string) string {
	label := i.name
	if i.name == "BODY" && i.Kind == ItemSection || i.Kind == ItemBinary || i.Kind == ItemBinarySize {
		label += "[" + i.Section.label(field) + "]"
	}
	if i.Partial {
		label += "<" + strconv.FormatInt(i.Off, 10) + ">"
	}
	return label
}

// Fetch is FETCH's arguments.
type Fetch struct {
	Set      Set
	Items    []Item
	Since    uint64 // CHANGEDSINCE (RFC 7162)
	HasSince bool
	Vanished bool // RFC 7162, section 3.2.6
}

// Has says whether an item of this kind was asked for.
func (r *Fetch) Has(kind ItemKind) bool {
	return slices.ContainsFunc(r.Items, func(i Item) bool { return i.Kind == kind })
}

// Fetch takes FETCH's arguments.
func (p *Parser) Fetch() (*Fetch, error) {
	r := &Fetch{}
	err := r.parse(p)
	if err == errMissing {
		err = ErrArguments
	}
	return r, err
}

func (r *Fetch) parse(p *Parser) (err error) {
	if r.Set, err = p.Set(); err != nil {
		return err
	}
	if err := p.Space(); err != nil {
		return err
	}
	if p.Peek() == '(' {
		err = p.List(func() error { return r.item(p, true) })
	} else {
		err = r.item(p, false)
	}
	if err == nil && len(r.Items) == 0 {
		err = Error("FETCH list is empty")
	}
	if err != nil {
		return err
	}
	if p.Blanks(); p.Peek() == '(' {
		if err := p.List(func() error { return r.modifier(p) }); err != nil {
			return err
		}
	}
	if r.Vanished && !r.HasSince {
		return Error("VANISHED used without CHANGEDSINCE")
	}
	return p.End()
}

func (r *Fetch) modifier(p *Parser) (err error) {
	switch p.Keyword() {
	case "VANISHED":
		r.Vanished = true
		return nil
	case "CHANGEDSINCE":
	default:
		return Error("Unknown FETCH modifier")
	}
	p.Blanks()
	r.HasSince = true
	if r.Since, err = p.Number64(); err != nil {
		return Error("Invalid CHANGEDSINCE modseq")
	}
	return nil
}

// item takes one item; a macro is allowed alone only (RFC 3501, section 6.4.5).
func (r *Fetch) item(p *Parser, listed bool) error {
	if c := p.Peek(); listed && (c == '(' || c == '"') {
		return Error("FETCH list contains non-atoms")
	}
	word := p.Keyword()
	switch word {
	case "":
		return misplaced(p)
	case "FLAGS":
		r.add(ItemFlags)
	case "UID":
		r.add(ItemUID)
	case "INTERNALDATE":
		r.add(ItemDate)
	case "RFC822.SIZE":
		r.add(ItemSize)
	case "MODSEQ":
		r.add(ItemModSeq)
	case "ENVELOPE":
		r.add(ItemEnvelope)
	case "BODYSTRUCTURE":
		r.add(ItemStructure)
	case "RFC822":
		r.Items = append(r.Items, Item{Kind: ItemSection, name: word, Seen: true})
	case "RFC822.HEADER":
		r.Items = append(r.Items, Item{Kind: ItemSection, name: word, Section: Section{What: HeaderOnly}})
	case "RFC822.TEXT":
		r.Items = append(r.Items, Item{Kind: ItemSection, name: word, Seen: true, Section: Section{What: TextOnly}})
	case "BODY", "BODY.PEEK", "BINARY", "BINARY.PEEK", "BINARY.SIZE":
		if word == "BODY" && p.Peek() != '[' {
			r.add(ItemBody)
			return nil
		}
		return r.bracket(p, word)
	default:
		return r.macro(word, listed)
	}
	return nil
}

func (r *Fetch) macro(word string, listed bool) error {
	switch {
	case strings.HasPrefix(word, "RFC822."):
		return Error("Unknown parameter " + word)
	case listed:
	case word == "ALL":
		r.add(ItemFlags, ItemDate, ItemSize, ItemEnvelope)
		return nil
	case word == "FAST":
		r.add(ItemFlags, ItemDate, ItemSize)
		return nil
	case word == "FULL":
		r.add(ItemFlags, ItemDate, ItemSize, ItemEnvelope, ItemBody)
		return nil
	}
	return Error("Unknown parameter: " + word)
}

func (r *Fetch) add(kinds ...ItemKind) {
	for _, k := range kinds {
		r.Items = append(r.Items, Plain(k))
	}
}

// bracket takes what follows BODY, BODY.PEEK or BINARY: […] and perhaps <offset.octets>.
func (r *Fetch) bracket(p *Parser, word string) (err error) {
	base, peek := strings.CutSuffix(word, ".PEEK")
	item := Item{Kind: ItemSection, name: base, Seen: !peek}
	wrong := func(text string) error {
		return Error("Invalid " + strings.TrimSuffix(base, ".SIZE") + "[..] parameter: " + text)
	}
	switch base {
	case "BINARY":
		item.Kind = ItemBinary
	case "BINARY.SIZE":
		item.Kind, item.Seen = ItemBinarySize, false
	}
	if p.Peek() != '[' {
		return wrong("Missing '['")
	}
	if item.Section, err = section(p, base != "BODY"); err == errBracket {
		return wrong("Missing ']'")
	} else if err != nil {
		return err
	}
	if p.Peek() == '<' && item.Kind != ItemBinarySize {
		if err := item.partial(p, wrong); err != nil {
			return err
		}
	}
	if c := p.Peek(); c != 0 && c != ' ' && c != '\t' && c != ')' {
		return wrong("Unexpected data after ']'")
	}
	r.Items = append(r.Items, item)
	return nil
}

// partial takes <offset.octets>.
func (i *Item) partial(p *Parser, wrong func(string) error) error {
	p.Take('<')
	off, err := p.Number()
	if err != nil {
		return wrong("Too big partial start")
	}
	if !p.Take('.') {
		return wrong("Missing '.' in partial")
	}
	n, err := p.Number()
	switch {
	case err != nil:
		return wrong("Too big partial size")
	case n == 0:
		return wrong("Partial size must not be 0") // RFC 3501: nz-number
	case !p.Take('>'):
		return wrong("Missing '>' in partial")
	}
	i.Partial, i.Off, i.N = true, int64(off), int64(n)
	return nil
}
