package imap

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// append is APPEND (RFC 3501, section 6.3.11), with literal8 (RFC 3516) and UTF8 data (RFC 6855).
func (c *conn) append(ctx context.Context, cmd *command) reply {
	name, wire, nameErr := c.mailbox(cmd.p)
	if isSyntax(nameErr) {
		return c.failed(ctx, cmd, wire, nameErr)
	}
	m, err := cmd.p.newMessage()
	if err == nil {
		err = cmd.p.end()
	}
	if err == nil {
		err = nameErr
	}
	if err == nil && m.Size == 0 {
		return no("", "Message is empty.")
	}
	if err == nil && m.Size > c.cfg.MaxMessage {
		err = ErrTooBig
	}
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	if m.Date.IsZero() {
		m.Date = c.cfg.Now()
	}
	validity, uids, err := c.user.Append(ctx, name, []NewMessage{m})
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	return c.w.completed(cmd.name).coded(fmt.Sprintf("APPENDUID %d %s", validity, spans(uids)))
}

// newMessage takes [flags] [date] literal.
func (p *parser) newMessage() (m NewMessage, err error) {
	if err := p.space(); err != nil {
		return m, err
	}
	if p.peek() == '(' {
		if m.Flags, m.Keywords, err = p.flagList(); err != nil {
			return m, err
		}
		p.blanks()
	}
	if p.peek() == '"' {
		if m.Date, err = p.dateTime(); err != nil {
			return m, err
		}
		p.blanks()
	}
	data, err := p.appendData()
	if err == nil {
		m.Size, m.Body = data.Size(), data
	}
	return m, err
}

func (p *parser) appendData() (data *io.SectionReader, err error) {
	if c := p.peek(); c == '{' || c == '~' {
		return p.message()
	}
	if p.keyword() != "UTF8" {
		return nil, errArguments
	}
	p.blanks()
	err = p.list(func() error {
		data, err = p.message()
		return err
	})
	if err == nil && data == nil {
		err = errArguments
	}
	return data, err
}

// message takes a message's literal, wherever it is.
func (p *parser) message() (*io.SectionReader, error) {
	q := *p
	if _, err := q.announcement(); err == nil && q.spilled() {
		*p = q
		return p.spill.body()
	}
	b, err := p.literal()
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), err
}

// copy is COPY and MOVE (RFC 6851), with the UIDs of both sides (RFC 4315).
func (c *conn) copy(ctx context.Context, cmd *command) reply {
	move := cmd.name == "MOVE" || cmd.name == "UID MOVE"
	set, err := cmd.p.set()
	if err == nil {
		err = cmd.p.space()
	}
	var name, wire string
	if err == nil {
		if wire, err = cmd.p.astring(); err == nil {
			err = cmd.p.end()
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
		return c.w.syntax(c, cmd.name, errSet)
	}
	c.tellMissing(missing)
	if len(indexes) == 0 {
		return c.w.nothingToCopy
	}
	messages := make([]Message, len(indexes))
	for n, i := range indexes {
		messages[n] = c.box.view[i]
	}
	validity, uids, err := c.copyMessages(ctx, c.box.mb, messages, name)
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	r := c.w.completed(cmd.name)
	code := fmt.Sprintf("COPYUID %d %s %s", validity, spans(uidsOf(messages)), spans(uids))
	if !move {
		return r.coded(code)
	}
	c.out.str("* OK [" + code + "] Moved UIDs.\r\n")
	if err := c.box.expunge(ctx, uidsOf(messages)); err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	c.stats.Expunged += len(messages)
	c.box.poll(ctx, c, true)
	return r
}

// copyMessages appends messages of one mailbox to another, all or none. They are opened one after another, when the
// backend comes to them.
func (c *conn) copyMessages(ctx context.Context, from Mailbox, ms []Message, to string) (uint32, []uint32, error) {
	msgs := make([]NewMessage, len(ms))
	for i, m := range ms {
		msgs[i] = NewMessage{
			Flags: m.Flags, Keywords: m.Keywords, Date: m.Date, Size: m.Size,
			Body: &lazyBody{open: func() (Raw, error) { return from.Open(ctx, m.UID) }},
		}
	}
	return c.user.Append(ctx, to, msgs)
}

// lazyBody opens a message at its first read and closes it at its end.
type lazyBody struct {
	open func() (Raw, error)
	raw  Raw
	off  int64
}

func (b *lazyBody) Read(p []byte) (int, error) {
	if b.raw == nil {
		raw, err := b.open()
		if err != nil {
			return 0, err
		}
		b.raw = raw
	}
	n, err := b.raw.ReadAt(p[:min(int64(len(p)), b.raw.Size()-b.off)], b.off)
	if b.off += int64(n); b.off >= b.raw.Size() {
		_ = b.raw.Close()
		return n, io.EOF
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
