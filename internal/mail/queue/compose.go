package queue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"sync"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
)

// message is a message as the queue and the mailboxes hold it: lines end in LF, the header is complete.
type message struct {
	text        []byte
	size        int64    // as Postfix counts it
	messageID   string   // with its brackets, as the header has it
	resentID    string   // the same of Resent-Message-Id
	deliveredTo []string // values of Delivered-To, lower case: who had it already
	logged      bool     // the log has messageID and resentID
}

// headerLimit bounds one header field (Postfix's header_size_limit); what is longer passes through unseen.
const headerLimit = 102400

// composer turns what a client sent into a message, as Postfix's smtpd and cleanup do together: a Received header in
// front, fields that are nobody else's business dropped, missing fields added after the client's own, and a blank line
// before a body that has none.
type composer struct {
	q     *Queue
	env   *mail.Envelope
	alone bool // the client named one recipient, once
	first bool // a filter follows: what a header lacks is added behind it
	out   text
	msg   message

	field   []byte // the header field that is being collected, lines joined by \n
	passing bool   // it is too long to be looked at and was let through
	body    bool
	started bool // a line of the client's was seen
	midLine bool // the last piece did not end its line
	hops    int
	seen    map[string]bool // lower-case names of fields that were there
	resent  bool
}

// compose reads a message from a client; lines end in LF or CRLF. Its header is read line by line, the rest as it comes. The
// message's text is a buffer of q.texts.
func (q *Queue) compose(env *mail.Envelope, alone bool, r io.Reader) (m *message, err error) {
	return q.composer(env, alone).compose(r)
}

func (q *Queue) composer(env *mail.Envelope, alone bool) *composer {
	return &composer{q: q, env: env, alone: alone, seen: make(map[string]bool)}
}

func (c *composer) compose(r io.Reader) (m *message, err error) {
	q, env := c.q, c.env
	c.out.from, c.out.b = &q.texts, q.texts.get(env.Size)
	defer func() {
		if err != nil {
			q.texts.put(c.out.b)
		}
	}()
	c.received()
	in := q.headers.get(r)
	defer q.headers.put(in)
	left, err := c.header(in)
	if err == nil && c.body {
		err = c.out.body(in, left)
	}
	if err != nil {
		return nil, err
	}
	if !c.body {
		c.endHeader()
		c.out.size -= recordSize(0) // the blank line that a bare header gets is ours: Postfix has none and counts none
	}
	if c.hops >= q.cfg.HopLimit {
		q.cfg.Log.Note("cleanup", "warning: "+env.ID+": message rejected: hopcount exceeded")
		return nil, &mail.Reply{Code: 554, Enhanced: "5.4.0", Text: "Error: too many hops"}
	}
	c.msg.size = c.out.size
	c.msg.text = c.out.b
	return &c.msg, nil
}

// header reads up to the body, or to the message's end, and says how much more it may be.
func (c *composer) header(in *bufio.Reader) (left int64, err error) {
	left = c.q.cfg.SizeLimit + 2
	for !c.body {
		piece, more, err := in.ReadLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		if left -= int64(len(piece)) + 2; left < 0 {
			return 0, errTooLarge()
		}
		c.piece(clean(piece, !more), more)
	}
	return left, nil
}

// errTooLarge refuses a message.
func errTooLarge() error {
	return &mail.Reply{Code: 552, Enhanced: "5.3.4", Text: "Error: message file too big"}
}

// readers are what headers are read with.
type readers struct{ pool sync.Pool }

func (p *readers) get(r io.Reader) *bufio.Reader {
	in, ok := p.pool.Get().(*bufio.Reader)
	if !ok {
		return bufio.NewReaderSize(r, 4<<10)
	}
	in.Reset(r)
	return in
}

func (p *readers) put(in *bufio.Reader) {
	in.Reset(nil)
	p.pool.Put(in)
}

// clean takes the CRs at the end of a line away and makes a blank of each other one: mail readers on an mbox take them
// for line ends.
func clean(piece []byte, end bool) []byte {
	if end {
		piece = bytes.TrimRight(piece, "\r")
	}
	if bytes.IndexByte(piece, '\r') >= 0 {
		piece = bytes.ReplaceAll(piece, []byte{'\r'}, []byte{' '})
	}
	return piece
}

// piece takes a line, or a part of one that is longer than the reader's buffer.
func (c *composer) piece(b []byte, more bool) {
	switch {
	case c.body:
		c.out.add(b)
		if !more {
			c.out.end()
		}
	case c.midLine:
		c.more(b, more)
	default:
		c.headerLine(b, more)
	}
	c.midLine = more
}

// headerLine takes the beginning of a line while the header lasts.
func (c *composer) headerLine(b []byte, more bool) {
	first := !c.started
	c.started = true
	if first && bytes.HasPrefix(bytes.TrimLeft(b, ">"), []byte("From ")) {
		b = append([]byte("X-Mailbox-Line: "), b...) // as Postfix's smtpd does with a pasted mbox
		c.started = false
	}
	switch {
	case len(b) > 0 && (b[0] == ' ' || b[0] == '\t') && !first:
		if !c.passing {
			c.field = append(c.field, '\n')
		}
		c.more(b, more)
	case headerName(b) > 0:
		c.endField()
		n := headerName(b)
		c.field = append(append(c.field, b[:n]...), bytes.TrimLeft(b[n:], " \t")...)
		c.more(nil, more)
	default:
		c.endHeader()
		if len(b) > 0 || more {
			c.piece(b, more)
		}
	}
}

// more adds to the field that is being collected, or lets it through when it is too long to be looked at.
func (c *composer) more(b []byte, more bool) {
	c.field = append(c.field, b...)
	if len(c.field) > headerLimit || c.passing {
		c.passing = true
		c.emitRaw(!more)
	}
}

// emitRaw writes what is collected of an over-long field.
func (c *composer) emitRaw(end bool) {
	lines := bytes.Split(c.field, []byte("\n"))
	for i, l := range lines {
		c.out.add(l)
		if i < len(lines)-1 || end {
			c.out.end()
		}
	}
	c.field = c.field[:0]
}

// headerName is the length of the field name that a line begins with; 0 when it is no header line. RFC 5322 section
// 3.6.8, and blanks before the colon as section 4.5.8 has them.
func headerName(b []byte) int {
	n := bytes.IndexByte(b, ':')
	if n <= 0 {
		return 0
	}
	n = len(bytes.TrimRight(b[:n], " \t"))
	for _, c := range b[:n] {
		if c <= ' ' || c >= 0x7f {
			return 0
		}
	}
	return n
}

// endField looks at a whole field and writes it.
func (c *composer) endField() {
	defer func() { c.field, c.passing = c.field[:0], false }()
	if len(c.field) == 0 || c.passing {
		return
	}
	name, value, _ := strings.Cut(string(c.field), ":")
	name, value = strings.ToLower(name), strings.TrimSpace(value)
	c.seen[name] = true
	switch name {
	case "bcc", "resent-bcc", "return-path", "content-length": // Postfix's message_drop_headers
		return
	case "received":
		c.hops++
	case "delivered-to":
		c.msg.deliveredTo = append(c.msg.deliveredTo, strings.ToLower(value))
	case "message-id":
		c.msg.messageID = value
	case "resent-message-id":
		c.msg.resentID = value
	}
	c.resent = c.resent || strings.HasPrefix(name, "resent-")
	field := string(c.field)
	if rewrites(c.env) {
		field = completeField(name, field, c.q.cfg.Domain)
	}
	for _, l := range strings.Split(field, "\n") {
		c.out.put(l)
	}
}

// rewrites says whether bare names in this message's headers are completed, as Postfix does for its own machine's mail
// (local_header_rewrite_clients) and never for a stranger's.
func rewrites(e *mail.Envelope) bool {
	return e.ClientAddr == "" || strings.HasPrefix(e.ClientAddr, "127.") || e.ClientAddr == "::1"
}

// endHeader ends the header: last field, added fields, blank line.
func (c *composer) endHeader() {
	c.endField()
	if !c.first {
		c.missing()
	}
	c.body = true
	c.out.end()
}

// received writes the trace header (RFC 5321 section 4.4).
func (c *composer) received() {
	env, cfg := c.env, &c.q.cfg
	date := headerDate(env.Arrived, cfg.Location)
	c.hops++
	if env.ClientAddr == "" {
		from := "Postfix"
		if env.UID != 0 || env.Protocol == Submitted {
			from = fmt.Sprintf("Postfix, from userid %d", env.UID)
		}
		c.out.put(fmt.Sprintf("Received: by %s (%s)", cfg.Hostname, from))
		c.out.put(fmt.Sprintf("\tid %s; %s", env.ID, date))
		return
	}
	helo := env.Helo
	if helo == "" {
		helo = env.ClientName
	}
	addr := env.ClientAddr
	if strings.Contains(addr, ":") {
		addr = "IPv6:" + addr
	}
	c.out.put(fmt.Sprintf("Received: from %s (%s [%s])", helo, env.ClientName, addr))
	by := fmt.Sprintf("\tby %s (Postfix) with %s id %s", cfg.Hostname, env.Protocol, env.ID)
	if c.alone {
		c.out.put(by)
		c.out.put(fmt.Sprintf("\tfor <%s>; %s", addrspec.Quote(env.Recipients[0].Typed), date))
		return
	}
	c.out.put(by + ";")
	c.out.put("\t" + date)
}

// Submitted is the protocol of what came by sendmail.
const Submitted = "local"

// missing adds the fields that a message must have (Postfix's always_add_missing_headers).
func (c *composer) missing() {
	prefix := ""
	if c.resent {
		prefix = "Resent-"
	}
	has := func(name string) bool { return c.seen[strings.ToLower(prefix+name)] }
	env, cfg := c.env, &c.q.cfg
	if !has("Message-Id") {
		id := fmt.Sprintf("<%s.%s@%s>", env.Arrived.UTC().Format("20060102150405"), env.ID, cfg.Hostname)
		c.out.put(prefix + "Message-Id: " + id)
		if c.resent {
			c.msg.resentID = id
		} else {
			c.msg.messageID = id
		}
	}
	if !has("Date") {
		c.out.put(prefix + "Date: " + headerDate(env.Arrived, cfg.Location))
	}
	if !has("From") {
		c.out.put(prefix + "From: " + mailboxOf(env.FullName, env.Sender.Full))
	}
}

// mailboxOf writes a sender for a From field.
func mailboxOf(name, address string) string {
	switch {
	case address == "":
		return "MAILER-DAEMON"
	case name == "":
		return addrspec.Quote(address)
	case strings.ContainsFunc(name, func(r rune) bool { return r >= 0x7f }):
		name = mime.QEncoding.Encode("utf-8", name)
	case strings.ContainsFunc(name, func(r rune) bool { return strings.ContainsRune(`()<>[]:;@\,".`, r) || r < ' ' }):
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(name) + `"`
	}
	return name + " <" + addrspec.Quote(address) + ">"
}

// headerDate writes a time as Postfix does: "Sat, 21 Nov 2026 20:25:29 +0000 (UTC)", the day of the month padded with a
// blank.
func headerDate(t time.Time, loc *time.Location) string {
	return t.In(loc).Format("Mon, _2 Jan 2006 15:04:05 -0700 (MST)")
}
