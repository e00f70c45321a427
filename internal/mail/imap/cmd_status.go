package imap

import (
	"context"

	"maillab/internal/mail"
)

// statusItems are STATUS's items as bits, in the order in which they are told.
type statusItems uint8

const (
	statusMessages statusItems = 1 << iota
	statusRecent
	statusUIDNext
	statusUIDValidity
	statusUnseen
	statusModSeq
	statusAppendLimit
)

func (p *parser) statusItems() (items statusItems, err error) {
	err = p.list(func() error {
		switch word := p.keyword(); word {
		case "MESSAGES":
			items |= statusMessages
		case "RECENT":
			items |= statusRecent
		case "UIDNEXT":
			items |= statusUIDNext
		case "UIDVALIDITY":
			items |= statusUIDValidity
		case "UNSEEN":
			items |= statusUnseen
		case "HIGHESTMODSEQ":
			items |= statusModSeq
		case "APPENDLIMIT": // RFC 7889
			items |= statusAppendLimit
		default:
			return errSyntax("Invalid status item " + word)
		}
		return nil
	})
	if err == nil && items == 0 {
		err = errSyntax("Empty status list.")
	}
	return items, err
}

func (c *conn) status(ctx context.Context, cmd *command) reply {
	name, wire, nameErr := c.mailbox(cmd.p)
	if isSyntax(nameErr) {
		return c.failed(ctx, cmd, wire, nameErr)
	}
	err := cmd.p.space()
	var items statusItems
	if err == nil {
		items, err = cmd.p.statusItems()
	}
	if err == nil {
		err = cmd.p.end()
	}
	if err == nil {
		err = nameErr
	}
	if err == nil {
		if items&statusModSeq != 0 {
			c.enableCondstore()
		}
		if told, ok := c.toWire(name); ok { // inbox is INBOX
			wire = told
		}
		err = c.tellStatus(ctx, name, wire, items)
	}
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	if c.box != nil && c.box.name == name && c.w.statusSelf != "" {
		return okCode("CLIENTBUG", c.w.statusSelf)
	}
	return c.w.completed(cmd.name)
}

// snapshot looks at a mailbox that may be the selected one; recent is how many messages are for this session.
func (c *conn) snapshot(ctx context.Context, name string) (s mail.Snapshot, recent int, err error) {
	if c.box != nil && c.box.name == name {
		s, err = c.box.mb.Look(ctx)
		return s, len(c.box.recent), err
	}
	mb, err := c.user.Open(ctx, name)
	if err != nil {
		return mail.Snapshot{}, 0, err
	}
	defer mb.Close()
	s, err = mb.Look(ctx)
	for _, m := range s.Messages {
		recent += boolInt(m.Recent)
	}
	return s, recent, err
}

func (c *conn) tellStatus(ctx context.Context, name, wire string, items statusItems) error {
	s, recent, err := c.snapshot(ctx, name)
	if err != nil {
		return err
	}
	unseen := 0
	for _, m := range s.Messages {
		unseen += boolInt(m.Flags&mail.Seen == 0)
	}
	c.out.str("* STATUS ")
	c.writeName(wire)
	sep := " ("
	for _, item := range []struct {
		bit   statusItems
		name  string
		value uint64
	}{
		{statusMessages, "MESSAGES", uint64(len(s.Messages))},
		{statusRecent, "RECENT", uint64(recent)},
		{statusUIDNext, "UIDNEXT", uint64(s.UIDNext)},
		{statusUIDValidity, "UIDVALIDITY", uint64(s.UIDValidity)},
		{statusUnseen, "UNSEEN", uint64(unseen)},
		{statusModSeq, "HIGHESTMODSEQ", s.ModSeq},
		{statusAppendLimit, "APPENDLIMIT", uint64(c.cfg.MaxMessage)},
	} {
		if items&item.bit != 0 {
			c.out.str(sep + item.name + " ")
			c.out.num(item.value)
			sep = " "
		}
	}
	c.out.str(")\r\n")
	return nil
}
