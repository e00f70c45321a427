package smtp

import (
	"errors"
	"fmt"
)

// transaction is what MAIL begins, and the end of the message, RSET, EHLO or STARTTLS end.
type transaction struct {
	env     Envelope
	content *content // once the message arrives
	refused int      // recipients over the limit
	failed  bool     // a BDAT was refused: all are, up to the last one or RSET
}

// id is the queue ID, or "" before the first recipient.
func (t *transaction) id() string {
	if t == nil {
		return ""
	}
	return t.env.ID
}

// inChunks tells that the engine is waiting for a message which comes in BDAT commands.
func (t *transaction) inChunks() bool {
	return t != nil && t.content != nil && t.content.chunks != nil && !t.content.over
}

// mailCommand is MAIL (RFC 5321 section 4.1.1.2). No HELO is needed first.
func (f *front) mailCommand(_ string, args []token) answer {
	switch {
	case f.authMissing():
		return no("530 5.7.0 Authentication required")
	case f.tx != nil && !f.tx.void():
		return no("503 5.5.1 Error: nested MAIL command")
	case f.tx != nil:
		return no("503 5.5.1 Error: MAIL after BDAT")
	case len(args) < 3 || !isKeyword(args[1], "from:"):
		return no("501 5.5.4 Syntax: MAIL FROM:<address>")
	case args[2].broken:
		return no("501 5.1.7 Bad sender address syntax")
	}
	env := Envelope{ClientName: f.client.name, ClientAddr: f.client.addr, Helo: f.helo, User: f.saslUser,
		UTF8: hasWord(args[3:], "SMTPUTF8")}
	sender, ok := f.address(args[2], env.UTF8, true)
	if !ok {
		return no("501 5.1.7 Bad sender address syntax")
	}
	env.Sender = sender
	if text := env.mailParameters(args[3:]); text != "" {
		return no(text)
	}
	if env.Size > f.cfg.SizeLimit {
		text := "552 5.3.4 Message size exceeds fixed limit"
		f.log.Reject("", f.where, f.client.String(), text, f.context(&sender.Typed, nil))
		return no(text)
	}
	return answer{text: "250 2.1.0 Ok", engine: "MAIL FROM:<sender@front>", done: func() {
		env.Arrived = f.cfg.Now()
		f.tx = &transaction{env: env}
	}}
}

// isKeyword compares a word without case.
func isKeyword(t token, keyword string) bool {
	return isPrefixKeyword(t.text) && len(t.text) == len(keyword)
}

// rcptCommand is RCPT (RFC 5321 section 4.1.1.3).
func (f *front) rcptCommand(_ string, args []token) answer {
	switch {
	case f.tx == nil || f.tx.void():
		return no("503 5.5.1 Error: need MAIL command")
	case f.tx.chunking():
		return no("503 5.5.1 Error: RCPT after BDAT")
	case len(args) < 3 || !isKeyword(args[1], "to:"):
		return no("501 5.5.4 Syntax: RCPT TO:<address>")
	case args[2].broken:
		return no("501 5.1.3 Bad recipient address syntax")
	}
	address, valid := f.address(args[2], f.tx.env.UTF8, false)
	if !valid {
		return no("501 5.1.3 Bad recipient address syntax")
	}
	rcpt := Recipient{Address: address}
	if text := rcpt.parameters(args[3:]); text != "" {
		return no(text)
	}
	if len(f.tx.env.Recipients) >= f.cfg.RecipientLimit {
		return f.tooManyRecipients()
	}
	if text := f.check(address); text != "" {
		return no(text)
	}
	return f.accept(rcpt)
}

// tooManyRecipients is counted as an error only when the client does not take the hint (smtpd_recipient_overshoot_limit).
func (f *front) tooManyRecipients() answer {
	const overshoot = 1000
	f.tx.refused++
	return answer{text: "452 4.5.3 Error: too many recipients", failed: f.tx.refused > overshoot}
}

// accept takes a recipient into the transaction; the first one gives it its queue ID.
func (f *front) accept(rcpt Recipient) answer {
	if f.tx.env.ID == "" {
		id, err := f.server.backend.Begin(f.ctx)
		if err != nil {
			return no(errorReply(err))
		}
		f.tx.env.ID = id
		f.log.Client(id, f.client.String(), f.saslBy, f.saslUser, f.tx.env.Auth)
	}
	return answer{text: "250 2.1.5 Ok", engine: "RCPT TO:<recipient@front>", done: func() {
		f.tx.env.Recipients = append(f.tx.env.Recipients, rcpt)
	}}
}

// check asks the backend about a recipient and returns the reply that refuses it, logged, or "".
func (f *front) check(to Address) string {
	var text string
	name := printable(to.Typed, ' ')
	switch f.server.backend.Check(f.ctx, to.Full) {
	case Accepted:
		return ""
	case UnknownLocal:
		text = "550 5.1.1 <" + name + ">: Recipient address rejected: User unknown in local recipient table"
	case RelayDenied:
		text = "554 5.7.1 <" + name + ">: Relay access denied"
	default:
		text = "451 4.3.0 <" + name + ">: Temporary lookup failure"
	}
	text = text[:min(len(text), 510)]
	f.reject(text, &to.Typed)
	return text
}

// address understands what was typed as an address.
func (f *front) address(typed token, utf8, mayBeEmpty bool) (Address, bool) {
	internal, one := parseAddress(typed.text)
	full := complete(internal, f.cfg.Domain)
	if !one || full == "" && !mayBeEmpty || !validDomain(full, utf8) {
		f.log.Warning(fmt.Sprintf("Illegal address syntax from %s in %s command: %s", f.client, f.where,
			printable(typed.text, '?')))
		return Address{}, false
	}
	return Address{Typed: internal, Full: full}, true
}

// rsetCommand is RSET (RFC 5321 section 4.1.1.5).
func (f *front) rsetCommand(_ string, args []token) answer {
	if len(args) != 1 {
		return no("501 5.5.4 Syntax: RSET")
	}
	return answer{text: "250 2.0.0 Ok", engine: "RSET", given: true, done: func() { f.tx = nil }}
}

// errorReply is what the client is told about a backend's error.
func errorReply(err error) string {
	var r Replier
	if !errors.As(err, &r) {
		r = &Error{451, "4.3.0", "Error: queue file write error"}
	}
	code, enhanced, text := r.Reply()
	return fmt.Sprintf("%d %s %s", code, enhanced, printable(text, ' '))
}
