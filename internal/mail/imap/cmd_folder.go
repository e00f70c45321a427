package imap

import (
	"context"
	"fmt"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// create is CREATE. With a separator at the end it makes a folder for others (RFC 3501, section 6.3.3).
func (c account) create(ctx context.Context, cmd *command) reply {
	name, wire, err := c.folderArgument(cmd.p)
	switch {
	case err != nil:
	case name == inbox:
		err = mail.ErrExists
	default:
		err = c.user.Folders().Create(ctx, name, len(wire) > 1 && strings.HasSuffix(wire, c.w.sep))
	}
	return c.folderReply(ctx, cmd, wire, err, " created.")
}

func (c account) delete(ctx context.Context, cmd *command) reply {
	name, wire, err := c.folderArgument(cmd.p)
	if err == nil && name == inbox {
		return no("", "INBOX can't be deleted.")
	}
	if err == nil {
		if c.box != nil && c.box.name == name {
			c.deselect()
		}
		err = c.user.Folders().Delete(ctx, name)
	}
	return c.folderReply(ctx, cmd, wire, err, "")
}

// folderArgument takes a mailbox name as the only argument.
func (c account) folderArgument(p *syntax.Parser) (name, wire string, err error) {
	if wire, err = p.AString(); err == nil {
		err = p.End()
	}
	if err == nil {
		name, err = c.folderName(wire)
	}
	return name, wire, err
}

// folderReply ends CREATE and its like. Courier says the name of what was created.
func (c account) folderReply(ctx context.Context, cmd *command, wire string, err error, suffix string) reply {
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	if c.w.quoteNames && suffix != "" {
		return ok(fmt.Sprintf("%q%s", wire, suffix))
	}
	return c.w.completed(cmd.name)
}

func (c account) rename(ctx context.Context, cmd *command) reply {
	fromWire, err := cmd.p.AString()
	if err == nil {
		err = cmd.p.Space()
	}
	var to, toWire string
	if err == nil {
		to, toWire, err = c.folderArgument(cmd.p)
	}
	if err != nil {
		return c.failed(ctx, cmd, toWire, err)
	}
	from, err := c.folderName(fromWire)
	if err != nil {
		return c.failed(ctx, cmd, fromWire, err)
	}
	switch {
	case to == inbox:
		err = mail.ErrExists
	case to == from || strings.HasPrefix(to, from+"/"):
		err = mail.ErrBadName
	case from == inbox:
		err = c.renameInbox(ctx, to)
	default:
		if c.box != nil && (c.box.name == from || strings.HasPrefix(c.box.name, from+"/")) {
			c.deselect()
		}
		err = c.user.Folders().Rename(ctx, from, to)
	}
	return c.folderReply(ctx, cmd, fromWire, err, "")
}

// renameInbox moves INBOX's messages into a new mailbox and leaves INBOX empty (RFC 3501, section 6.3.5).
func (c account) renameInbox(ctx context.Context, to string) error {
	if err := c.user.Folders().Create(ctx, to, false); err != nil {
		return err
	}
	mb, err := c.user.Open(ctx, inbox)
	if err != nil {
		return err
	}
	defer mb.Close()
	s, err := mb.Look(ctx)
	if err != nil || len(s.Messages) == 0 {
		return err
	}
	if _, _, err := c.copyMessages(ctx, mb, s.Messages, to); err != nil {
		return err
	}
	_, err = mb.Expunge(ctx, uidsOf(s.Messages))
	return err
}

// subscribe is SUBSCRIBE and UNSUBSCRIBE. A mailbox that is not there may be subscribed to (RFC 3501, section 6.3.6).
func (c account) subscribe(ctx context.Context, cmd *command) reply {
	name, wire, err := c.folderArgument(cmd.p)
	if err == nil {
		err = c.user.Folders().Subscribe(ctx, name, cmd.name == "SUBSCRIBE")
	}
	return c.folderReply(ctx, cmd, wire, err, "")
}

func uidsOf(ms []mail.Message) []uint32 {
	uids := make([]uint32, len(ms))
	for i, m := range ms {
		uids[i] = m.UID
	}
	return uids
}
