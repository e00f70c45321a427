package imap

import (
	"context"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

func (c account) status(ctx context.Context, cmd *command) reply {
	name, wire, nameErr := c.mailbox(cmd.p)
	if syntax.IsError(nameErr) {
		return c.failed(ctx, cmd, wire, nameErr)
	}
	err := cmd.p.Space()
	var items syntax.StatusItems
	if err == nil {
		items, err = cmd.p.StatusItems()
	}
	if err == nil {
		err = cmd.p.End()
	}
	if err == nil {
		err = nameErr
	}
	if err == nil {
		if items&syntax.StatusModSeq != 0 {
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
func (c account) snapshot(ctx context.Context, name string) (s mail.Snapshot, recent int, err error) {
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

func (c account) tellStatus(ctx context.Context, name, wire string, items syntax.StatusItems) error {
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
	for i, value := range [...]uint64{uint64(len(s.Messages)), uint64(recent), uint64(s.UIDNext), uint64(s.UIDValidity), uint64(unseen),
		s.ModSeq, uint64(c.cfg.MaxMessage)} {
		if items&(1<<i) != 0 {
			c.out.str(sep + syntax.StatusNames()[i] + " ")
			c.out.num(value)
			sep = " "
		}
	}
	c.out.str(")\r\n")
	return nil
}
