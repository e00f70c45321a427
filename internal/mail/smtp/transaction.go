package smtp

import (
	"fmt"
	"strings"

	"maillab/internal/mail/addrspec"

	gosmtp "github.com/emersion/go-smtp"
)

// transaction is what MAIL begins, and the end of the message, RSET, EHLO or STARTTLS end. The session has the envelope;
// here is what order, log and limits need.
type transaction struct {
	mail     bool   // MAIL was accepted
	sender   string // as typed
	first    string // recipient, as typed
	accepted int    // recipients
	refused  int    // recipients over the limit
	utf8     bool
	auth     string // AUTH of MAIL, for the log
	id       string // the queue's name for it; "" before the first recipient
	content  *content
	failed   bool // a BDAT was refused: all are, up to the last one or RSET
}

// name is the queue ID, or "" outside a transaction.
func (t *transaction) name() string {
	if t == nil {
		return ""
	}
	return t.id
}

// void tells a transaction that only exists because a BDAT without MAIL failed.
func (t *transaction) void() bool { return !t.mail }

// chunking tells that a message has begun with BDAT, and may have failed.
func (t *transaction) chunking() bool { return t != nil && (t.failed || t.inChunks()) }

// inChunks tells that the session is waiting for a message which comes in BDAT commands.
func (t *transaction) inChunks() bool {
	return t != nil && t.content != nil && t.content.chunks != nil && !t.content.over
}

// from is the sender, nil outside a transaction.
func (t *transaction) from() *string {
	if t == nil {
		return nil
	}
	return &t.sender
}

// context is what Postfix's log tells about a refused command.
func (t *transaction) context(from, to *string, c *Client) string {
	var words []string
	if from != nil {
		words = append(words, "from=<"+printable(addrspec.Quote(*from), '?')+">")
	}
	if to == nil && t != nil && t.accepted > 0 {
		to = &t.first
	}
	if to != nil {
		words = append(words, "to=<"+printable(addrspec.Quote(*to), '?')+">")
	}
	words = append(words, "proto="+c.word())
	if c.Helo != "" {
		words = append(words, "helo=<"+c.Helo+">")
	}
	return strings.Join(words, " ")
}

// progress is where a connection is, with how much of a message had come.
func (t *transaction) progress(where string) string {
	if t == nil || t.content == nil || t.failed {
		return where
	}
	switch where {
	case "DATA":
		return fmt.Sprintf("DATA (%d bytes)", t.content.whole)
	case "BDAT":
		return fmt.Sprintf("BDAT (%d bytes)", t.content.size)
	}
	return where
}

// mailCommand is MAIL (RFC 5321 section 4.1.1.2). No HELO is needed first.
func mailCommand(l *loop, _ string, args []token) answer {
	switch {
	case l.authMissing():
		return no("530 5.7.0 Authentication required")
	case l.tx != nil && !l.tx.void():
		return no("503 5.5.1 Error: nested MAIL command")
	case l.tx != nil:
		return no("503 5.5.1 Error: MAIL after BDAT")
	case len(args) < 3 || !isKeyword(args[1], "from:"):
		return no("501 5.5.4 Syntax: MAIL FROM:<address>")
	case args[2].broken:
		return no("501 5.1.7 Bad sender address syntax")
	}
	opts := &gosmtp.MailOptions{UTF8: hasWord(args[3:], "SMTPUTF8")}
	sender, valid := l.address(args[2], opts.UTF8, true)
	if !valid {
		return no("501 5.1.7 Bad sender address syntax")
	}
	auth, text := mailParameters(opts, args[3:])
	if text != "" {
		return no(text)
	}
	if opts.Size > l.cfg.SizeLimit {
		text := "552 5.3.4 Message size exceeds fixed limit"
		l.rejectMail(text, &sender, nil)
		return no(text)
	}
	if err := l.session.Mail(sender, opts); err != nil {
		text := errorReply(err, "Error: queue file write error")
		if !l.malformed(args[2], text) {
			l.rejectMail(text, &sender, nil)
		}
		return no(text)
	}
	return answer{text: "250 2.1.0 Ok", done: func() {
		l.tx = &transaction{mail: true, sender: sender, utf8: opts.UTF8, auth: auth}
	}}
}

// isKeyword compares a word without case.
func isKeyword(t token, keyword string) bool {
	return isPrefixKeyword(t.text) && len(t.text) == len(keyword)
}

// rcptCommand is RCPT (RFC 5321 section 4.1.1.3).
func rcptCommand(l *loop, _ string, args []token) answer {
	switch {
	case l.tx == nil || l.tx.void():
		return no("503 5.5.1 Error: need MAIL command")
	case l.tx.chunking():
		return no("503 5.5.1 Error: RCPT after BDAT")
	case len(args) < 3 || !isKeyword(args[1], "to:"):
		return no("501 5.5.4 Syntax: RCPT TO:<address>")
	case args[2].broken:
		return no("501 5.1.3 Bad recipient address syntax")
	}
	to, valid := l.address(args[2], l.tx.utf8, false)
	if !valid {
		return no("501 5.1.3 Bad recipient address syntax")
	}
	opts := &gosmtp.RcptOptions{}
	if text := rcptParameters(opts, args[3:]); text != "" {
		return no(text)
	}
	if l.tx.accepted >= l.cfg.RecipientLimit {
		return l.tooManyRecipients()
	}
	if err := l.session.Rcpt(to, opts); err != nil {
		return l.refuseRecipient(args[2], to, err)
	}
	l.accept(to)
	return ok("250 2.1.5 Ok")
}

// tooManyRecipients is counted as an error only when the client does not take the hint (smtpd_recipient_overshoot_limit).
func (l *loop) tooManyRecipients() answer {
	const overshoot = 1000
	l.tx.refused++
	return answer{text: "452 4.5.3 Error: too many recipients", failed: l.tx.refused > overshoot}
}

// accept counts a recipient; with the first one the transaction gets its name.
func (l *loop) accept(to string) {
	if l.tx.accepted++; l.tx.accepted > 1 {
		return
	}
	l.tx.first = to
	if q, is := l.session.(Queued); is {
		l.tx.id = q.QueueID()
	}
	if l.tx.id != "" {
		l.log.Client(l.tx.id, l.method, l.client.User, l.tx.auth)
	}
}

// refuseRecipient says and logs why a recipient is not taken.
func (l *loop) refuseRecipient(typed token, to string, err error) answer {
	text := errorReply(err, "<"+printable(to, ' ')+">: Temporary lookup failure")
	text = text[:min(len(text), 510)]
	if !l.malformed(typed, text) {
		l.reject(text, &to)
	}
	return no(text)
}

// malformed logs an address that the session says is none, as one that is none at first sight.
func (l *loop) malformed(typed token, reply string) bool {
	if !strings.HasPrefix(reply, "501 ") {
		return false
	}
	l.log.Warning(fmt.Sprintf("Illegal address syntax from %s in %s command: %s", l.name, l.where, printable(typed.text, '?')))
	return true
}

// address understands what was typed as an address, and returns it in internal form.
func (l *loop) address(typed token, utf8, mayBeEmpty bool) (string, bool) {
	internal, one := parseAddress(typed.text)
	full := addrspec.Complete(internal, l.cfg.Domain)
	if !one || full == "" && !mayBeEmpty || !validDomain(full, utf8) {
		return "", !l.malformed(typed, "501 ")
	}
	return internal, true
}
