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
)

// search is SEARCH and UID SEARCH, with ESEARCH (RFC 4731).
func (c *conn) search(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.search(c.utf8)
	if err != nil {
		return c.searchFailed(ctx, cmd, err)
	}
	if r.key.uses(searchModSeq) {
		c.enableCondstore()
	}
	found, err := c.find(ctx, r.key)
	if err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	var modSeq uint64
	if r.key.uses(searchModSeq) {
		for _, i := range found {
			modSeq = max(modSeq, c.box.view[i].ModSeq)
		}
	}
	numbers := c.numbers(found, cmd.uid)
	if r.extended {
		c.tellExtended(cmd, r, numbers, modSeq)
	} else {
		c.tellNumbers("SEARCH", numbers, modSeq)
	}
	return c.w.completed(cmd.name)
}

// searchFailed names the character sets that are certain (RFC 3501, BADCHARSET).
func (c *conn) searchFailed(ctx context.Context, cmd *command, err error) reply {
	if errors.Is(err, errCharset) {
		return no("BADCHARSET (US-ASCII UTF-8)", string(errCharset))
	}
	return c.failed(ctx, cmd, "", err)
}

// numbers are what the client calls messages: sequence numbers or UIDs.
func (c *conn) numbers(indexes []int, uid bool) []uint32 {
	out := make([]uint32, len(indexes))
	for n, i := range indexes {
		if out[n] = uint32(i + 1); uid {
			out[n] = c.box.view[i].UID
		}
	}
	return out
}

func (c *conn) tellNumbers(word string, numbers []uint32, modSeq uint64) {
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

func (c *conn) tellExtended(cmd *command, r *searchRequest, numbers []uint32, modSeq uint64) {
	c.out.str("* ESEARCH (TAG ")
	c.writeString(cmd.tag)
	c.out.byte(')')
	if cmd.uid {
		c.out.str(" UID")
	}
	if n := len(numbers); n > 0 {
		if r.min {
			c.out.printf(" MIN %d", numbers[0])
		}
		if r.max {
			c.out.printf(" MAX %d", numbers[n-1])
		}
		if r.all {
			c.out.str(" ALL ")
			spans(numbers).write(c.out)
		}
	}
	if r.count {
		c.out.printf(" COUNT %d", len(numbers))
	}
	if modSeq > 0 {
		c.out.printf(" MODSEQ %d", modSeq)
	}
	c.out.crlf()
}

// find returns the indexes of the messages that a key fits.
func (c *conn) find(ctx context.Context, key *searchKey) ([]int, error) {
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
func (b *selected) prepareKey(k *searchKey) {
	if k.op == searchSet {
		last := uint32(len(b.view))
		if k.uid && last > 0 {
			last = b.view[last-1].UID
		}
		k.set = k.set.resolve(last).merged()
	}
	for _, s := range k.sub {
		b.prepareKey(s)
	}
	slices.SortStableFunc(k.sub, func(a, b *searchKey) int { return a.cost() - b.cost() })
}

// candidate is a message that SEARCH looks at; its bytes are opened when a key needs them.
type candidate struct {
	message
	index int
	hold  *holding
}

// matches evaluates a whole search. A message that is gone fits nothing that has to be read in it.
func (m *candidate) matches(ctx context.Context, k *searchKey) (bool, error) {
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

func (m *candidate) fits(ctx context.Context, k *searchKey) (bool, error) {
	switch k.op {
	case searchAnd:
		for _, s := range k.sub {
			if ok, err := m.fits(ctx, s); err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	case searchOr:
		for _, s := range k.sub {
			if ok, err := m.fits(ctx, s); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	case searchNot:
		ok, err := m.fits(ctx, k.sub[0])
		return !ok, err
	}
	if k.cost() == 0 {
		return m.fitsMeta(k), nil
	}
	switch k.op {
	case searchHeader:
		return m.fieldHas(ctx, k.field, k.text)
	case searchBodyText, searchText:
		return m.textHas(ctx, k)
	}
	return m.sentFits(ctx, k)
}

// textHas evaluates BODY and TEXT.
func (m *candidate) textHas(ctx context.Context, k *searchKey) (bool, error) {
	if err := m.open(ctx); err != nil {
		return false, err
	}
	if k.op == searchText {
		if ok, err := m.headerHas(k.text); ok || err != nil {
			return ok, err
		}
	}
	return m.bodyHas(k.text)
}

// fitsMeta evaluates a key that needs nothing of the message's bytes.
func (m *candidate) fitsMeta(k *searchKey) bool {
	switch k.op {
	case searchSet:
		if k.uid {
			return k.set.has(m.UID)
		}
		return k.set.has(uint32(m.index + 1))
	case searchFlag:
		return m.Flags&k.flag != 0
	case searchKeyword:
		return mail.HasKeyword(m.Keywords, k.text)
	case searchRecent:
		return m.box.recent[m.UID]
	case searchLarger:
		return m.Size > int64(k.n)
	case searchSmaller:
		return m.Size < int64(k.n)
	case searchModSeq:
		return m.ModSeq >= k.n
	}
	return compareDay(m.Date, k.date, k.op-searchBefore)
}

// values are the texts of all fields of a name.
func (m *candidate) values(ctx context.Context, name string) (iter.Seq[string], error) {
	return m.box.fields.values(m.Digest, name, func() ([]byte, error) { return m.openHeader(ctx) })
}

// sentFits looks at the first Date field, without its time and zone (RFC 3501, section 6.4.4).
func (m *candidate) sentFits(ctx context.Context, k *searchKey) (bool, error) {
	values, err := m.values(ctx, "Date")
	if err != nil {
		return false, err
	}
	for text := range values {
		sent, ok := entity.Date(text)
		return ok && compareDay(sent, k.date, k.op-searchSentBef), nil
	}
	return false, nil
}

// compareDay: how is 0 for before, 1 for on, 2 for since.
func compareDay(t, day time.Time, how searchOp) bool {
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
		if text == "" || strings.Contains(fold(entity.Words(value)), text) {
			return true, nil
		}
	}
	return false, nil
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
		if strings.Contains(fold(line), text) {
			return true, nil
		}
	}
	return false, nil
}
