package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// append is APPEND (RFC 3501, section 6.3.11), with literal8 (RFC 3516) and UTF8 data (RFC 6855).
func (c account) append(ctx context.Context, cmd *command) reply {
	name, wire, nameErr := c.mailbox(cmd.p)
	if syntax.IsError(nameErr) {
		return c.failed(ctx, cmd, wire, nameErr)
	}
	err := cmd.p.SpaceOr("Missing message size")
	var m mail.Delivery
	eight := false
	if err == nil {
		m, eight, err = cmd.p.Message()
	}
	if err == nil {
		err = cmd.p.End()
	}
	if err == nil {
		err = nameErr
	}
	if err == nil && m.Size() == 0 {
		return no("", "Message is empty.")
	}
	if err == nil && m.Size() > c.cfg.MaxMessage {
		err = mail.ErrTooBig
	}
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	if eight {
		if err := c.keepBinary(&m); err != nil {
			return c.failed(ctx, cmd, wire, err)
		}
	}
	if m.At.IsZero() {
		m.At = c.cfg.Now()
	}
	validity, uids, err := c.user.Append(ctx, name, []mail.Delivery{m})
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	return c.w.completed(cmd.name).coded(fmt.Sprintf("APPENDUID %d %s", validity, syntax.Spans(uids)))
}

// copy is COPY and MOVE (RFC 6851), with the UIDs of both sides (RFC 4315).
func (c viewer) copy(ctx context.Context, cmd *command) reply {
	move := cmd.name == "MOVE" || cmd.name == "UID MOVE"
	set, err := cmd.p.Set()
	if err == nil {
		err = cmd.p.Space()
	}
	var name, wire string
	if err == nil {
		if wire, err = cmd.p.AString(); err == nil {
			err = cmd.p.End()
		}
	}
	if err == nil {
		name, err = c.fromWire(wire)
	}
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	if move && c.box.readOnly {
		return c.w.readOnly
	}
	indexes, missing := c.box.pick(set, cmd.uid)
	if len(missing) > 0 && c.w.badNumbers {
		return c.w.syntax(c.conn, cmd.name, syntax.ErrSet)
	}
	c.tellMissing(missing)
	if len(indexes) == 0 {
		return c.w.nothingToCopy
	}
	messages := make([]mail.Message, len(indexes))
	for n, i := range indexes {
		messages[n] = c.box.view[i]
	}
	validity, uids, err := c.copyMessages(ctx, c.box.mb, messages, name)
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	r := c.w.completed(cmd.name)
	code := fmt.Sprintf("COPYUID %d %s %s", validity, syntax.Spans(uidsOf(messages)), syntax.Spans(uids))
	if !move {
		return r.coded(code)
	}
	c.out.str("* OK [" + code + "] Moved UIDs.\r\n")
	if err := c.box.expunge(ctx, uidsOf(messages)); err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	c.stats.Expunged += len(messages)
	c.box.poll(ctx, c.conn, true)
	return r
}

// copyMessages appends messages of one mailbox to another, all or none. They are all read before: the other may be the one
// that they are in, and nothing is read while it is locked.
func (c *conn) copyMessages(ctx context.Context, from Mailbox, ms []mail.Message, to string) (uint32, []uint32, error) {
	held := &copies{stage: c.cfg.Stage}
	defer held.close()
	deliveries := make([]mail.Delivery, len(ms))
	for i, m := range ms {
		deliveries[i] = mail.Delivery{Flags: m.Flags, Keywords: m.Keywords, At: m.Date}
		if err := errors.Join(ctx.Err(), held.take(from, m, &deliveries[i])); err != nil {
			return 0, nil, err
		}
	}
	return c.user.Append(ctx, to, deliveries)
}

// copies are the messages of one COPY or MOVE. What is more than heldAtMost goes to a file, for somebody may copy a mailbox
// of a hundred megabytes.
type copies struct {
	stage func() (*os.File, error) // nil: all are held
	f     *os.File
	size  int64
	held  int64
}

const heldAtMost = 256 << 10

func (c *copies) take(from Mailbox, m mail.Message, d *mail.Delivery) error {
	raw, err := from.Open(m.UID)
	if err != nil {
		return err
	}
	defer raw.Close()
	body := io.NewSectionReader(raw, 0, raw.Size())
	if c.held += raw.Size(); c.held <= heldAtMost || c.stage == nil {
		d.Body = make([]byte, raw.Size())
		_, err := io.ReadFull(body, d.Body)
		return err
	}
	if c.f == nil {
		if c.f, err = c.stage(); err != nil {
			return err
		}
	}
	n, err := io.Copy(c.f, body)
	if err == nil && n < raw.Size() {
		err = io.ErrUnexpectedEOF
	}
	d.Large = io.NewSectionReader(c.f, c.size, n)
	c.size += n
	return err
}

func (c *copies) close() {
	if c.f != nil {
		_ = c.f.Close()
	}
}
