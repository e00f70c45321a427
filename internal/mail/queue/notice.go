package queue

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
)

// notices are the queue as it tells senders what became of their mail.
type notices struct{ *Queue }

// report tells the sender, or postmaster, what became of recipients that are through and not yet told of. It returns
// false when the telling must be tried again.
func (q notices) report(ctx context.Context, e *entry) bool {
	var failed, delivered, delayed []int
	late := since(e.queued, q.cfg.Now()) >= q.cfg.Times.Warn
	for i, s := range e.states {
		r := e.env.Recipients[i]
		switch {
		case s.Reported:
		case s.State == stateBounced && r.Wants("FAILURE"):
			failed = append(failed, i)
		case s.State == stateSent && r.Wants("SUCCESS") && !s.forwarded():
			delivered = append(delivered, i)
		case s.open() && late && !s.Warned && r.Wants("DELAY") && e.env.Sender.Full != "":
			delayed = append(delayed, i)
		}
	}
	kind := failureNotice
	switch {
	case len(failed) > 0 && e.env.Sender.Full == q.doubleBounce():
		q.cfg.Log.Note("bounce", "warning: "+e.env.ID+": undeliverable postmaster notification discarded")
		failed = nil
	case e.env.Sender.Full == "":
		kind = postmasterNotice // RFC 5321 section 4.5.5: a null sender is told nothing
	}
	if e.env.Sender.Full == "" && len(delivered) > 0 {
		q.cfg.Log.Note("bounce", e.env.ID+": not sending trace/success notification for single-bounce message")
		q.told(e, successNotice, delivered)
		delivered = nil
	}
	return q.tell(ctx, e, kind, failed) && q.tell(ctx, e, successNotice, delivered) && q.tell(ctx, e, delayNotice, delayed)
}

// forwarded says whether the recipient's .forward took over; whoever delivers the copy reports (RFC 3461 section
// 5.2.7.3 would have "expanded").
func (s state) forwarded() bool { return strings.HasPrefix(s.Text, "forwarded as ") }

// noticeKind is a sort of delivery report, in Postfix's words.
type noticeKind struct {
	log     string // postfix/bounce: … notification: ID
	subject string
	auto    string // RFC 3834
	text    string
}

const (
	closing = "\n                   The mail system\n\n"

	failureText = `I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.
` + closing

	// delayText has two times in it: Postfix counts the first in hours, a lesson does not last so long.
	delayText = `####################################################################
# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #
####################################################################

Your message could not be delivered for more than %s.
It will be retried until it is %s old.

For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.
` + closing

	successText = `Your message was successfully delivered to the destination(s)
listed below. If the message was delivered to mailbox you will
receive no further notifications. Otherwise you may still receive
notifications of mail delivery errors from other systems.
` + closing
)

var (
	failureNotice = noticeKind{"sender non-delivery", "Undelivered Mail Returned to Sender", "auto-replied",
		failureText}
	postmasterNotice = noticeKind{"postmaster non-delivery", "Postmaster Copy: Undelivered Mail",
		"auto-generated", ""}
	delayNotice   = noticeKind{"sender delay", "Delayed Mail (still being retried)", "auto-replied", delayText}
	successNotice = noticeKind{"sender delivery status", "Successful Mail Delivery Report", "auto-replied",
		successText}
)

// tell sends a report about some recipients and keeps that it did.
func (q notices) tell(ctx context.Context, e *entry, kind noticeKind, rcpts []int) bool {
	if len(rcpts) == 0 {
		return true
	}
	n, text, err := q.notice(e, kind, rcpts)
	if err == nil {
		err = q.take(ctx, n, text)
	}
	if err != nil {
		q.cfg.Log.Note("bounce", fmt.Sprintf("warning: %s: cannot send notification: %s", e.env.ID, cause(err)))
		return false
	}
	q.told(e, kind, rcpts)
	return true
}

// told keeps what the sender knows of some recipients.
func (q notices) told(e *entry, kind noticeKind, rcpts []int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range rcpts {
		if kind == delayNotice {
			e.states[i].Warned = true
		} else {
			e.states[i].Reported = true
		}
	}
}

// doubleBounce is who sends what postmaster is told. What cannot be delivered for this sender is dropped: it is the end
// of the chain.
func (q notices) doubleBounce() string { return "double-bounce@" + q.cfg.Hostname }

// notice writes a report (RFC 3464) as a message of its own.
func (q notices) notice(e *entry, kind noticeKind, rcpts []int) (*entry, []byte, error) {
	text, err := q.store.text(e)
	if err != nil {
		return nil, nil, err
	}
	now := q.cfg.Now()
	env := &mail.Envelope{ID: q.NewID(), Arrived: now, Recipients: []mail.Recipient{{Address: mail.Address{Typed: e.env.Sender.Full, Full: e.env.Sender.Full}}}}
	if kind == postmasterNotice {
		env.Sender = mail.Address{Typed: q.doubleBounce(), Full: q.doubleBounce()}
		env.Recipients = []mail.Recipient{{Address: mail.Address{Typed: "postmaster", Full: "postmaster@" + q.cfg.Domain}}}
	}
	w := &noticeWriter{composer: composer{q: q.Queue, env: env}, about: e, kind: kind, rcpts: rcpts,
		boundary: fmt.Sprintf("%s.%d/%s", e.env.ID, now.Unix(), q.cfg.Hostname)}
	id := w.write(now, text)
	n := q.entryFor(env, &message{size: w.out.size, messageID: id})
	q.cfg.Log.MessageID(env.ID, id)
	q.cfg.Log.Notification(e.env.ID, kind.log, env.ID)
	n.idLogged = true
	return n, w.out.b, nil
}

// noticeWriter writes one report.
type noticeWriter struct {
	composer
	about    *entry
	kind     noticeKind
	rcpts    []int
	boundary string
}

// linef writes a line, or several that are joined by line ends.
func (w *noticeWriter) linef(format string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		w.out.put(line)
	}
}

func (w *noticeWriter) lines(text string) {
	for line := range strings.Lines(text) {
		w.out.put(strings.TrimSuffix(line, "\n"))
	}
}

func (w *noticeWriter) write(now time.Time, text []byte) (messageID string) {
	cfg := &w.q.cfg
	messageID = fmt.Sprintf("<%s.%s@%s>", now.UTC().Format("20060102150405"), w.env.ID, cfg.Hostname)
	w.received()
	w.linef("Date: %s", headerDate(now, cfg.Location))
	w.linef("From: Mail Delivery System <MAILER-DAEMON@%s>", cfg.Domain)
	w.linef("Subject: %s", w.kind.subject)
	w.linef("To: %s", addrspec.Quote(w.env.Recipients[0].Full))
	w.linef("Auto-Submitted: %s", w.kind.auto)
	w.linef("MIME-Version: 1.0")
	w.linef("Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=%q", w.boundary)
	w.linef("Content-Transfer-Encoding: 8bit")
	w.linef("Message-Id: %s\n", messageID)
	w.linef("This is a MIME-encapsulated message.")
	w.part("Notification", "text/plain; charset=utf-8", true)
	if w.kind.text != "" {
		w.linef("This is the mail system at host %s.\n", cfg.Hostname)
	} else {
		w.out.end()
	}
	w.lines(w.words())
	w.reasons()
	w.part("Delivery report", "message/"+w.global("delivery-status"), w.about.env.UTF8)
	w.fields()
	w.original(text)
	w.linef("\n--%s--", w.boundary)
	return messageID
}

// words are those of the kind.
func (w *noticeWriter) words() string {
	if w.kind == delayNotice {
		return fmt.Sprintf(delayText, span(w.q.cfg.Times.Warn), span(w.q.cfg.Times.Expire))
	}
	return w.kind.text
}

// span is a time in the largest unit that tells it whole, in Postfix's spelling.
func span(d time.Duration) string {
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"day(s)", 24 * time.Hour}, {"hour(s)", time.Hour}, {"minute(s)", time.Minute}} {
		if d%unit.is == 0 {
			return fmt.Sprintf("%d %s", d/unit.is, unit.name)
		}
	}
	return fmt.Sprintf("%d second(s)", d/time.Second)
}

// global is the RFC 6533 name of a part where the message was an internationalised one.
func (w *noticeWriter) global(name string) string {
	if w.about.env.UTF8 {
		return "global-" + name
	}
	return name
}

// part begins a part of the report; the line end before the boundary is the boundary's (RFC 2046 section 5.1.1).
func (w *noticeWriter) part(description, contentType string, eightBit bool) {
	w.linef("\n--%s", w.boundary)
	w.linef("Content-Description: %s", description)
	w.linef("Content-Type: %s", contentType)
	if eightBit {
		w.linef("Content-Transfer-Encoding: 8bit")
	}
	w.out.end()
}

// reasons tells people what happened to each recipient.
func (w *noticeWriter) reasons() {
	for n, i := range w.rcpts {
		r, s := w.about.env.Recipients[i], w.about.states[i]
		who := "<" + s.to(r) + ">"
		if r.Typed != s.to(r) {
			who += " (expanded from <" + r.Typed + ">)"
		}
		if n > 0 {
			w.out.end()
		}
		w.lines(wrap(who + ": " + w.explain(s)))
	}
}

// explain is the reason for people.
func (w *noticeWriter) explain(s state) string {
	if w.kind != successNotice {
		return s.Text
	}
	via := "local"
	if s.Via != "" {
		via = s.Via
	}
	return "delivery via " + via + ": " + s.Text
}

// to is the recipient's resolved address.
func (s state) to(r mail.Recipient) string {
	if s.To != "" {
		return s.To
	}
	return r.Full
}

// fields tells programs (RFC 3464 section 2).
func (w *noticeWriter) fields() {
	env := w.about.env
	w.linef("Reporting-MTA: dns; %s", w.q.cfg.Hostname)
	if env.EnvID != "" {
		w.linef("Original-Envelope-Id: %s", oneLine(env.EnvID))
	}
	w.linef("X-Postfix-Queue-ID: %s", env.ID)
	w.linef("X-Postfix-Sender: rfc822; %s", w.sender())
	w.linef("Arrival-Date: %s", headerDate(env.Arrived, w.q.cfg.Location))
	for _, i := range w.rcpts {
		r, s := env.Recipients[i], w.about.states[i]
		original := r.ORcpt
		if original == "" {
			original = "rfc822;" + r.Typed
		}
		w.linef("\nFinal-Recipient: rfc822; %s", s.to(r))
		w.linef("Original-Recipient: %s", oneLine(original))
		w.linef("Action: %s", w.action(s))
		w.linef("Status: %s", s.DSN)
		if s.RemoteMTA != "" {
			w.linef("Remote-MTA: dns; %s", s.RemoteMTA)
		}
		w.lines(wrap("Diagnostic-Code: " + w.diagnostic(s)))
		if w.kind == delayNotice {
			w.linef("Will-Retry-Until: %s", headerDate(env.Arrived.Add(w.q.cfg.Times.Expire), w.q.cfg.Location))
		}
	}
}

func (w *noticeWriter) action(s state) string {
	switch {
	case w.kind == delayNotice:
		return "delayed"
	case w.kind != successNotice:
		return "failed"
	case s.Via != "":
		return "relayed"
	default:
		return "delivered"
	}
}

func (w *noticeWriter) diagnostic(s state) string {
	switch {
	case s.Reply != "":
		return "smtp; " + s.Reply
	case s.Via != "":
		return "smtp; " + s.Text
	default:
		return "X-Postfix; " + w.explain(s)
	}
}

// sender is who sent the message, with the name that Postfix gives the null sender.
func (w *noticeWriter) sender() string {
	if w.about.env.Sender.Full == "" {
		return "MAILER-DAEMON@" + w.q.cfg.Hostname
	}
	return w.about.env.Sender.Full
}

// returnLimit is how much of a message is sent back (Postfix's bounce_size_limit); a longer one is only shown by its
// header.
const returnLimit = 50_000

// original appends the message, or its header when the sender asked for that (RFC 3461 section 4.3) or knows it.
func (w *noticeWriter) original(text []byte) {
	headers := w.kind == successNotice || w.kind == delayNotice || strings.EqualFold(w.about.env.Ret, "HDRS") || len(text) > returnLimit
	switch {
	case headers:
		description := "Undelivered Message Headers"
		if w.kind == successNotice {
			description = "Message Headers"
		}
		contentType := "text/rfc822-headers"
		if w.about.env.UTF8 {
			contentType = "message/global-headers"
		}
		w.part(description, contentType, true)
		if end := bytes.Index(text, []byte("\n\n")); end >= 0 {
			text = text[:end+1]
		}
	case w.about.env.UTF8:
		w.part("Undelivered Message", "message/global", true)
	default:
		w.part("Undelivered Message", "message/rfc822", true)
	}
	w.linef("Return-Path: <%s>", w.sender())
	w.lines(string(text))
}
