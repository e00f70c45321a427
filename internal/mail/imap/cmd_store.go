package imap

import (
	"context"
	"slices"
	"strings"

	"maillab/internal/mail"
)

// storeRequest is a STORE command.
type storeRequest struct {
	set    numSet
	change mail.FlagChange
	silent bool
}

// store takes STORE's arguments: set [(UNCHANGEDSINCE n)] [+-]FLAGS[.SILENT] flags.
func (p *parser) store() (*storeRequest, error) {
	r := &storeRequest{}
	var err error
	if r.set, err = p.set(); err != nil {
		return nil, err
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	if p.peek() == '(' {
		if err := p.list(func() error { return p.storeModifier(r) }); err != nil {
			return nil, err
		}
		p.blanks()
	}
	switch {
	case p.take('+'):
		r.change.Op = mail.AddFlags
	case p.take('-'):
		r.change.Op = mail.RemoveFlags
	}
	word, silent := strings.CutSuffix(p.keyword(), ".SILENT")
	if word != "FLAGS" {
		return nil, errArguments
	}
	r.silent = silent
	if p.blanks(); p.atEnd() {
		return nil, errArguments
	}
	if r.change.Flags, r.change.Keywords, err = p.flagList(); err != nil {
		return nil, err
	}
	return r, p.end()
}

func (p *parser) storeModifier(r *storeRequest) (err error) {
	if p.keyword() != "UNCHANGEDSINCE" {
		return errSyntax("Unknown STORE modifier.")
	}
	if err := p.space(); err != nil {
		return err
	}
	r.change.Conditional = true
	r.change.Since, err = p.number64()
	return err
}

// store is STORE and UID STORE (RFC 3501, section 6.4.6; RFC 7162, section 3.1.3).
func (c *conn) store(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.store()
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	if c.box.readOnly {
		return c.w.storeReadOnly
	}
	if r.change.Conditional {
		c.enableCondstore()
	}
	indexes, missing := c.box.pick(r.set, cmd.uid)
	if len(missing) > 0 && c.w.badNumbers {
		return c.w.syntax(c, cmd.name, errSet)
	}
	c.tellMissing(missing)
	uids := make([]uint32, len(indexes))
	for n, i := range indexes {
		uids[n] = c.box.view[i].UID
	}
	if len(uids) == 0 {
		return c.w.completed(cmd.name)
	}
	result, err := c.box.mb.Store(ctx, uids, r.change)
	if err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	c.box.update(result.Messages)
	if r.change.Flags&mail.Deleted != 0 && r.change.Op != mail.RemoveFlags {
		c.stats.Deleted += len(result.Messages)
	}
	c.tellStored(r, result, cmd.uid)
	return c.stored(cmd, result)
}

// tellStored writes the FETCH responses. With CONDSTORE even .SILENT tells the new mod-sequence.
func (c *conn) tellStored(r *storeRequest, result mail.Stored, uid bool) {
	for _, m := range result.Messages {
		i, ok := c.box.index(m.UID)
		switch {
		case !ok:
		case slices.Contains(result.Conflict, m.UID), !r.silent:
			c.tellFlags(i, uid || c.box.modSeqs && r.change.Conditional)
		case c.box.modSeqs:
			c.out.printf("* %d FETCH (UID %d MODSEQ (%d))\r\n", i+1, m.UID, m.ModSeq)
		}
	}
}

// stored is the tagged reply, which names what was left alone.
func (c *conn) stored(cmd *command, result mail.Stored) reply {
	if len(result.Conflict) == 0 {
		return c.w.completed(cmd.name)
	}
	numbers := slices.Clone(result.Conflict)
	if !cmd.uid {
		for n, uid := range numbers {
			i, _ := c.box.index(uid)
			numbers[n] = uint32(i + 1)
		}
	}
	return c.w.completed(cmd.name).coded("MODIFIED " + spans(numbers).String())
}
