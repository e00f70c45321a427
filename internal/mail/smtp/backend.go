package smtp

import (
	"context"
	"errors"

	"maillab/internal/mail"

	gosmtp "github.com/emersion/go-smtp"
)

// Backend makes the session of each connection, and a new one once it is encrypted: what was known before is forgotten
// (RFC 3207 section 4.2). A session is go-smtp's: any of its backends can stand here. It is called from one goroutine.
//
// Addresses come as they were typed, in internal form: without brackets, source route and comments, without the quotes and
// backslashes of RFC 5321's quoted strings. A bare name has no domain; that its completed form can exist has been checked.
// What Mail, Rcpt, Verify and Data return as an *SMTPError is the reply, and is logged as a refusal; any other error is
// answered as a temporary one. Data may say more than "Ok" of a message that it took with an *SMTPError of code 250. Its
// reader has CRLF line ends throughout and no dot stuffing, and a CR that is not before LF is kept; it must be read up to
// io.EOF before Data returns, and every other error of it means that there is no message. The context is the connection's.
type Backend interface {
	NewSession(ctx context.Context, c *Client) (gosmtp.Session, error)
}

// Client is what a session may want to know of the client besides what its methods are told. The server keeps it up to
// date; a session reads it when it is called, and its AUTH writes the last two.
type Client struct {
	mail.Peer
	Helo  string // "" when none was said; characters that would break a header are replaced
	ESMTP bool   // by EHLO
	TLS   bool

	Tried string // who AUTH was tried for last
	User  string // the account that AUTH proved
}

// Protocol is what Received says after "with" (RFC 3848; Postfix's names for RFC 6531's).
func (c *Client) Protocol(utf8 bool) string {
	name := c.word()
	if utf8 {
		name = "UTF8SMTP"
	}
	if c.ESMTP && c.TLS {
		name += "S"
	}
	if c.ESMTP && c.User != "" {
		name += "A"
	}
	return name
}

// word is the protocol as the log has it.
func (c *Client) word() string {
	if c.ESMTP {
		return "ESMTP"
	}
	return "SMTP"
}

// Queued is a session whose messages have names.
type Queued interface {
	// QueueID is the name of the transaction under way, from its first accepted recipient on; "" is none.
	QueueID() string
}

// Refuser is a session that may refuse any command that could be done otherwise, by its name: "connect", "helo", "auth", "mail", "rcpt",
// "data" and "message", which is the end of the data.
type Refuser interface {
	Refuse(command string) error
}

// ErrHangUp is what Data returns to have the connection closed without a word, in the middle of the message.
var ErrHangUp = errors.New("smtp: hang up")

// Verifier is a session that answers VRFY as it would RCPT.
type Verifier interface {
	Verify(address string) error
}

// Flusher is a session that can have the mail that waits for a domain tried again, now. Only then ETRN is offered. It
// returns false when it does not do so for that domain.
type Flusher interface {
	Flush(domain string) bool
}

// Log is what one connection tells the mail log, one method per event; package internal/mail/log has it in Postfix's forms.
type Log interface {
	Connect()
	// Disconnect ends the connection; counts is "helo=1 mail=1/2 quit=1 commands=3/4".
	Disconnect(counts string)
	// Client tells who opened the transaction id. saslMethod and saslUser are empty without AUTH, saslSender without MAIL's.
	Client(id, saslMethod, saslUser, saslSender string)
	// Reject tells why a command was refused; id is "" outside a transaction, context "from=<a> to=<b> proto=SMTP".
	Reject(id, command, reply, context string)
	// Cut tells why the connection ended early: reason "lost connection", after "DATA (16 bytes)".
	Cut(reason, after string)
	// Pipelining tells that the client typed ahead where it must wait (RFC 2920 section 3.1).
	Pipelining(after, text string)
	Warning(text string)
}

// noLog is the Log of a connection that has none.
type noLog struct{}

func (noLog) Connect()                              {}
func (noLog) Disconnect(string)                     {}
func (noLog) Client(string, string, string, string) {}
func (noLog) Reject(string, string, string, string) {}
func (noLog) Cut(string, string)                    {}
func (noLog) Pipelining(string, string)             {}
func (noLog) Warning(string)                        {}
