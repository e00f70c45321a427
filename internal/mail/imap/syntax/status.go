package syntax

// StatusItems are STATUS's items as bits, in the order in which they are told.
type StatusItems uint8

// The items.
const (
	StatusMessages StatusItems = 1 << iota
	StatusRecent
	StatusUIDNext
	StatusUIDValidity
	StatusUnseen
	StatusModSeq
	StatusAppendLimit // RFC 7889
)

// StatusNames are their names, in order.
func StatusNames() [7]string {
	return [...]string{"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ", "APPENDLIMIT"}
}

// StatusItems takes STATUS's items.
func (p *Parser) StatusItems() (items StatusItems, err error) {
	err = p.List(func() error {
		word := p.Keyword()
		for i, name := range StatusNames() {
			if name == word {
				items |= 1 << i
				return nil
			}
		}
		return Error("Invalid status item " + word)
	})
	if err == nil && items == 0 {
		err = Error("Empty status list")
	}
	return items, err
}
