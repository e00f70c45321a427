package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
)

// copyFor is one recipient's copy for a mailbox, or for nowhere when the mail of its address is thrown away.
type copyFor struct {
	rcpt int // index in the envelope
	dest destination
}

// plainMailboxes says whether a message has nothing to do but to go into mailboxes here, and whose. A .forward, or one
// that cannot be read just now, is a reason to queue it.
func (q *Queue) plainMailboxes(ctx context.Context, e *entry) ([]copyFor, bool) {
	copies := make([]copyFor, 0, len(e.env.Recipients))
	for i, r := range e.env.Recipients {
		d := q.resolve(r.Full)
		switch {
		case d.kind == toMailbox && !e.wasAt(r.Full) && !r.Wants("SUCCESS"):
			if forwards, err := q.forwards(ctx, d.account.Name); err != nil || len(forwards) > 0 {
				return nil, false
			}
		case d.kind == toNothing:
		default:
			return nil, false
		}
		copies = append(copies, copyFor{i, d})
	}
	return copies, true
}

// deliverNow delivers a message that needs no queue. done means that it is in every mailbox. Not done and no error:
// what is missing is to be queued. An error refuses the message; then no mailbox has it.
func (q *Queue) deliverNow(ctx context.Context, e *entry, copies []copyFor, text []byte) (done bool, err error) {
	begin := q.cfg.Now()
	errs := q.deliver(ctx, e, copies, text, nil)
	failed, last := 0, error(nil)
	for _, err := range errs {
		if err != nil {
			failed, last = failed+1, err
		}
	}
	if failed == len(errs) && (isFull(last) || isTooBig(last)) {
		q.cfg.Log.Note("cleanup", fmt.Sprintf("warning: %s: delivery to mailbox: %v", e.env.ID, cause(last)))
		return false, refusal(last)
	}
	q.logTaken(e)
	delays := e.delays(begin, q.cfg.Now())
	for i, c := range copies {
		e.settle(c.rcpt, localResult(errs[i], c.dest.kind, e.env.Box), q.cfg.Now())
		q.logStatus("local", e, c.rcpt, c.dest.address, "local", delays)
	}
	if failed > 0 {
		return false, nil
	}
	q.cfg.Log.Removed(e.env.ID)
	return true, nil
}

// deliver hands copies to the mailboxes, all at once. done, if there is one, may hear of a copy before all have ended; it
// is called from any goroutine.
func (q *Queue) deliver(ctx context.Context, e *entry, copies []copyFor, text []byte, done func(i int, err error)) []error {
	ctx, cancel := context.WithTimeout(ctx, q.cfg.Times.Local)
	defer cancel()
	sender := addrspec.Quote(e.env.Sender.Full)
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	deliveries := make([]mail.Delivery, 0, len(copies))
	where := make([]int, 0, len(copies))
	for i, c := range copies {
		if c.dest.kind == toNothing {
			continue
		}
		r := e.env.Recipients[c.rcpt]
		where = append(where, i)
		deliveries = append(deliveries, mail.Delivery{
			ID: e.env.Name(), User: c.dest.account.Name, Box: e.env.Box, Spared: e.env.Spared, Sender: sender, To: r.Full, OrigTo: r.Typed,
			Arrived: e.env.Arrived, At: q.cfg.Now(), Head: localHead(e.env.Sender.Full, r), Body: text,
		})
		if done != nil {
			deliveries[len(deliveries)-1].Done = func(err error) { done(i, err) }
		}
	}
	errs := make([]error, len(copies))
	if len(deliveries) == 0 {
		return errs
	}
	for i, err := range q.cfg.Mailboxes.Deliver(ctx, deliveries) {
		errs[where[i]] = err
	}
	return errs
}

// localHead is what local delivery writes above the message.
func localHead(sender string, r mail.Recipient) []byte {
	return fmt.Appendf(nil, "Return-Path: <%s>\nX-Original-To: %s\nDelivered-To: %s\n",
		addrspec.Quote(sender), oneLine(addrspec.Quote(r.Typed)), oneLine(addrspec.Quote(r.Full)))
}

// oneLine keeps an address from breaking a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// localResult is what the log says of an attempt at a mailbox.
func localResult(err error, k kind, box string) result {
	switch {
	case err == nil && k == toNothing:
		return result{State: stateSent, DSN: "2.0.0", Text: "delivered to file: /dev/null"}
	case err == nil && box != "":
		return result{State: stateSent, DSN: "2.0.0", Text: "delivered to file: ~/mail/" + box}
	case err == nil:
		return result{State: stateSent, DSN: "2.0.0", Text: "delivered to mailbox"}
	case isTooBig(err):
		return result{State: stateBounced, DSN: "5.2.2", Text: "cannot update mailbox: " + cause(err)}
	case isFull(err), errors.Is(err, mail.ErrQuota):
		return result{State: stateDeferred, DSN: "4.2.2", Text: "cannot update mailbox: " + cause(err)}
	default:
		return result{State: stateDeferred, DSN: "4.2.0", Text: "cannot update mailbox: " + cause(err)}
	}
}

func isFull(err error) bool {
	return errors.Is(err, mail.ErrFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, errQuota)
}

func isTooBig(err error) bool { return errors.Is(err, mail.ErrTooBig) || errors.Is(err, syscall.EFBIG) }

// cause is the system's word for an error, as Postfix logs it, or the error's own.
func cause(err error) string {
	var no syscall.Errno
	switch {
	case errors.As(err, &no):
		return sentence(no.Error())
	case errors.Is(err, mail.ErrQuota):
		return sentence(mail.ErrQuota.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return "unable to lock for exclusive access: Resource temporarily unavailable"
	default:
		return oneLine(err.Error())
	}
}

// sentence begins with a capital, as strerror(3) does and Go's errno texts do not.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// logStatus writes the status line of a recipient.
func (q *Queue) logStatus(process string, e *entry, rcpt int, to, relay string, d mail.Delays) {
	r, s := e.env.Recipients[rcpt], e.states[rcpt]
	st := mail.Status{To: addrspec.Quote(to), Relay: relay, Delays: d, DSN: s.DSN, State: s.State, Text: s.Text}
	if r.Typed != to {
		st.OrigTo = addrspec.Quote(r.Typed)
	}
	q.cfg.Log.Status(process, e.env.ID, st)
}
