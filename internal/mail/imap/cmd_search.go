package imap

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
	"maillab/internal/mail/imap/syntax"
)

// search is SEARCH and UID SEARCH, with ESEARCH (RFC 4731).
func (c viewer) search(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.Search(c.utf8)
	if err != nil {
		return c.searchFailed(ctx, cmd, err)
	}
	if r.Key.Uses(syntax.SearchModSeq) {
		c.enableCondstore()
	}
	found, err := c.find(ctx, r.Key)
	if err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	var modSeq uint64
	if r.Key.Uses(syntax.SearchModSeq) {
		modSeq = c.box.highest(found, r)
	}
	numbers := c.numbers(found, cmd.uid)
	if r.Extended {
		c.tellExtended(cmd, r, numbers, modSeq)
	} else {
		c.tellNumbers("SEARCH", numbers, modSeq)
	}
	return c.w.completed(cmd.name)
}

// highest is the MODSEQ of a search's answer: that of the messages which are told (RFC 7162, section 3.1.10).
func (b *selected) highest(found []int, r *syntax.Search) (modSeq uint64) {
	if r.Extended && !r.All && !r.Count && len(found) > 0 {
		first, last := found[0], found[len(found)-1]
		switch {
		case !r.Max:
			found = []int{first}
		case !r.Min:
			found = []int{last}
		default:
			found = []int{first, last}
		}
	}
	for _, i := range found {
		modSeq = max(modSeq, b.view[i].ModSeq)
	}
	return modSeq
}

// searchFailed names the character sets that are certain (RFC 3501, BADCHARSET).
func (c viewer) searchFailed(ctx context.Context, cmd *command, err error) reply {
	if errors.Is(err, syntax.ErrCharset) {
		return no("BADCHARSET (US-ASCII UTF-8)", string(syntax.ErrCharset))
	}
	return c.failed(ctx, cmd, "", err)
}

// numbers are what the client calls messages: sequence numbers or UIDs.
func (c viewer) numbers(indexes []int, uid bool) []uint32 {
	out := make([]uint32, len(indexes))
	for n, i := range indexes {
		if out[n] = uint32(i + 1); uid {
			out[n] = c.box.view[i].UID
		}
	}
	return out
}

func (c viewer) tellNumbers(word string, numbers []uint32, modSeq uint64) {
	c.out.str("* " + word)
	for _, n := range numbers {
		c.out.byte(' ')
		c.out.num(uint64(n))
	}
	if modSeq > 0 {
		c.out.printf(" (MODSEQ %d)", modSeq)
	}
	c.out.crlf()
}

func (c viewer) tellExtended(cmd *command, r *syntax.Search, numbers []uint32, modSeq uint64) {
	c.out.str("* ESEARCH (TAG ")
	c.writeString(cmd.tag)
	c.out.byte(')')
	if cmd.uid {
		c.out.str(" UID")
	}
	if n := len(numbers); n > 0 {
		if r.Min {
			c.out.printf(" MIN %d", numbers[0])
		}
		if r.Max {
			c.out.printf(" MAX %d", numbers[n-1])
		}
		if r.All {
			c.out.str(" ALL ")
			c.out.str(syntax.Spans(numbers).String())
		}
	}
	if r.Count {
		c.out.printf(" COUNT %d", len(numbers))
	}
	if modSeq > 0 {
		c.out.printf(" MODSEQ %d", modSeq)
	}
	c.out.crlf()
}

// find returns the indexes of the messages that a key fits.
func (c viewer) find(ctx context.Context, key *syntax.SearchKey) ([]int, error) {
	c.box.prepareKey(key)
	var found []int
	hold := &holding{mb: c.box.mb}
	defer hold.end()
	m := &candidate{hold: hold}
	for i := range c.box.view {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.message, m.index = message{Message: c.box.view[i], size: -1, box: c.box}, i
		ok, err := m.matches(ctx, key)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, i)
		}
	}
	return found, nil
}

// prepareKey resolves sets, and puts what is cheap to find out first.
func (b *selected) prepareKey(k *syntax.SearchKey) {
	if k.Op == syntax.SearchSet {
		last := uint32(len(b.view))
		if k.UID && last > 0 {
			last = b.view[last-1].UID
		}
		k.Set = k.Set.Resolve(last).Merged()
	}
	for _, s := range k.Sub {
		b.prepareKey(s)
	}
	slices.SortStableFunc(k.Sub, func(a, b *syntax.SearchKey) int { return a.Cost() - b.Cost() })
}

// candidate is a message that SEARCH looks at; its bytes are opened when a key needs them.
type candidate struct {
	message
	index int
	hold  *holding
}

// matches evaluates a whole search. A message that is gone fits nothing that has to be read in it.
func (m *candidate) matches(ctx context.Context, k *syntax.SearchKey) (bool, error) {
	defer m.close()
	ok, err := m.fits(ctx, k)
	if errors.Is(err, mail.ErrGone) {
		return false, nil
	}
	return ok, err
}

func (m *candidate) open(ctx context.Context) error {
	if m.raw != nil {
		return nil
	}
	m.hold.read(m.Size)
	msg, err := m.box.open(m.Message)
	if err == nil {
		m.message = *msg
	}
	return err
}

// openHeader is for fields that nobody remembers.
func (m *candidate) openHeader(ctx context.Context) ([]byte, error) {
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	return m.loadHeader()
}

func (m *candidate) fits(ctx context.Context, k *syntax.SearchKey) (bool, error) {
	switch k.Op {
	case syntax.SearchAnd:
		for _, s := range k.Sub {
			if ok, err := m.fits(ctx, s); err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	case syntax.SearchOr:
		for _, s := range k.Sub {
			if ok, err := m.fits(ctx, s); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	case syntax.SearchNot:
		ok, err := m.fits(ctx, k.Sub[0])
		return !ok, err
	}
	if k.Cost() == 0 {
		return m.fitsMeta(k), nil
	}
	switch k.Op {
	case syntax.SearchHeader:
		return m.fieldHas(ctx, k.Field, k.Text)
	case syntax.SearchBodyText, syntax.SearchText:
		return m.textHas(ctx, k)
	}
	return m.sentFits(ctx, k)
}

// textHas evaluates BODY and TEXT.
func (m *candidate) textHas(ctx context.Context, k *syntax.SearchKey) (bool, error) {
	if err := m.open(ctx); err != nil {
		return false, err
	}
	if k.Op == syntax.SearchText {
		if ok, err := m.headerHas(k.Text); ok || err != nil {
			return ok, err
		}
	}
	return m.bodyHas(k.Text)
}

// fitsMeta evaluates a key that needs nothing of the message's bytes.
func (m *candidate) fitsMeta(k *syntax.SearchKey) bool {
	switch k.Op {
	case syntax.SearchSet:
		if k.UID {
			return k.Set.Has(m.UID)
		}
		return k.Set.Has(uint32(m.index + 1))
	case syntax.SearchFlag:
		return m.Flags&k.Flag != 0
	case syntax.SearchKeyword:
		return mail.HasKeyword(m.Keywords, k.Text)
	case syntax.SearchRecent:
		return m.box.recent[m.UID]
	case syntax.SearchLarger:
		return m.Size > int64(k.N)
	case syntax.SearchSmaller:
		return m.Size < int64(k.N)
	case syntax.SearchModSeq:
		return m.ModSeq >= k.N
	}
	return compareDay(m.Date, k.Date, k.Op-syntax.SearchBefore)
}

// values are the texts of all fields of a name.
func (m *candidate) values(ctx context.Context, name string) (iter.Seq[string], error) {
	return m.box.fields.Values(m.Digest, name, func() ([]byte, error) { return m.openHeader(ctx) })
}

// sentFits looks at the first Date field, without its time and zone (RFC 3501, section 6.4.4).
func (m *candidate) sentFits(ctx context.Context, k *syntax.SearchKey) (bool, error) {
	values, err := m.values(ctx, "Date")
	if err != nil {
		return false, err
	}
	for text := range values {
		sent, ok := entity.Date(text)
		return ok && compareDay(sent, k.Date, k.Op-syntax.SearchSentBefore), nil
	}
	return false, nil
}

// compareDay: how is 0 for before, 1 for on, 2 for since.
func compareDay(t, day time.Time, how syntax.SearchOp) bool {
	y, mon, d := t.Date()
	order := time.Date(y, mon, d, 0, 0, 0, 0, time.UTC).Compare(day)
	switch how {
	case 0:
		return order < 0
	case 1:
		return order == 0
	}
	return order >= 0
}

// fieldHas looks into all fields of a name; an empty text only asks whether there is one.
func (m *candidate) fieldHas(ctx context.Context, name, text string) (bool, error) {
	values, err := m.values(ctx, name)
	if err != nil {
		return false, err
	}
	for value := range values {
		if text == "" || strings.Contains(syntax.Fold(entity.Words(value)), text) || addressHas(name, value, text) {
			return true, nil
		}
	}
	return false, nil
}

// addressHas looks into addresses without the comments and blanks that may be anywhere in them.
func addressHas(name, value, text string) bool {
	switch strings.ToUpper(name) {
	case "FROM", "TO", "CC", "BCC", "SENDER", "REPLY-TO":
	default:
		return false
	}
	if !strings.ContainsAny(value, "( ") {
		return false
	}
	return slices.ContainsFunc(entity.Addresses(value), func(a entity.Address) bool {
		return strings.Contains(syntax.Fold("<"+a.Mailbox+"@"+a.Host+">"), text)
	})
}

func (m *candidate) headerHas(text string) (bool, error) {
	header, err := m.loadHeader()
	if err != nil {
		return false, err
	}
	for f := range entity.Fields(header) {
		line := strings.TrimRight(string(f.Raw), "\r\n")
		if f.Name != "" {
			line = f.Name + ": " + entity.Words(f.Text())
		}
		if strings.Contains(syntax.Fold(line), text) {
			return true, nil
		}
	}
	return false, nil
}
