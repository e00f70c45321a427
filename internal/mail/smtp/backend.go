package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Backend is where mail goes and who is known. It is called by many connections at once.
type Backend interface {
	// Check decides about a recipient, for RCPT and VRFY. The address is complete, in internal form (see Address).
	Check(ctx context.Context, address string) Verdict
	// Begin opens a transaction when its first recipient has been accepted and returns the queue ID, which the log shows
	// from then on. A transaction that is given up is simply never delivered.
	Begin(ctx context.Context) (id string, err error)
	// Deliver takes the message. body has CRLF line ends throughout and no dot stuffing; a CR that is not before LF is
	// kept. It must be read up to io.EOF before nil is returned, and nil means that the message is on disk: the client
	// then gets 250. Every other error of body (too large, connection lost, given up) means that there is no message; it
	// is to be returned. What the client gets for an error is told by its Reply method, see Error.
	Deliver(ctx context.Context, env *Envelope, body io.Reader) error
	// Authenticate checks a password and returns the account it belongs to. ErrTryLater is answered as a temporary
	// failure, any other error as a wrong password. peer is the client's address.
	Authenticate(ctx context.Context, user, password, peer string) (account string, err error)
}

// Flusher is a Backend that can try the mail that waits for a domain again, now. Only then ETRN is offered. It returns
// false when it does not do so for that domain.
type Flusher interface {
	Flush(ctx context.Context, domain string) bool
}

// Verdict is what the server does with a recipient.
type Verdict int

// The verdicts; smtp puts each into Postfix's words.
const (
	Accepted     Verdict = iota
	UnknownLocal         // 550 5.1.1: the domain is ours, the name is not
	RelayDenied          // 554 5.7.1: neither ours nor a place that we hand mail to
	TryLater             // 451 4.3.0: cannot be told just now
)

// ErrTryLater is Authenticate's way to say that the password could not be checked.
var ErrTryLater = errors.New("smtp: authentication temporarily not possible")

// Replier is an error that knows its SMTP reply. enhanced is without the code's first blank, as "4.3.1".
type Replier interface {
	error
	Reply() (code int, enhanced, text string)
}

// Error is a Replier. Anything else that Deliver or Begin returns is answered with 451 4.3.0.
type Error struct {
	Code     int    // RFC 5321 section 4.2
	Enhanced string // RFC 3463
	Text     string
}

// Error is the reply.
func (e *Error) Error() string { return fmt.Sprintf("%d %s %s", e.Code, e.Enhanced, e.Text) }

// Reply implements Replier.
func (e *Error) Reply() (code int, enhanced, text string) { return e.Code, e.Enhanced, e.Text }

// Address is an address of the envelope in both forms, internal: without the quotes and backslashes of RFC 5321's
// quoted strings, as Postfix logs it. The empty one is the null sender.
type Address struct {
	Typed string // as typed, without brackets, source route and comments: "util11", as in X-Original-To and Received's for
	Full  string // completed: "util11@local.isri.fr"
}

// Recipient is one accepted RCPT.
type Recipient struct {
	Address
	Notify []string // RFC 3461 NOTIFY, upper case: NEVER, or some of SUCCESS, FAILURE, DELAY; nil when not given
	ORcpt  string   // RFC 3461 ORCPT decoded: "rfc822;util11@example.com"; "" when not given
}

// Envelope is all that is known of a message when its content arrives.
type Envelope struct {
	ID         string    // from Begin
	Arrived    time.Time // when MAIL was accepted
	ClientName string    // "localhost" or "unknown"
	ClientAddr string    // without port; IPv6 without the prefix that an address literal has
	Helo       string    // "" when there was none; characters that would break a header are replaced
	Protocol   string    // what follows "with" in Received (RFC 3848): SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, UTF8SMTP…
	User       string    // the authenticated account, or ""
	Sender     Address
	Recipients []Recipient

	Body   string // RFC 6152 BODY: "7BIT", "8BITMIME" or ""
	UTF8   bool   // RFC 6531
	Size   int64  // RFC 1870 SIZE as declared, bytes; 0 when not
	Auth   string // RFC 4954 AUTH of MAIL, or "": nobody here trusts it, but the log has it
	Return string // RFC 3461 RET: "FULL", "HDRS" or ""
	EnvID  string // RFC 3461 ENVID, decoded, or ""
}

// Log is what the server tells the mail log, one method per event; package internal/mail/log has it in Postfix's
// forms. client is "unknown[172.17.0.1]".
type Log interface {
	Connect(client string)
	// Disconnect ends a connection; counts is "helo=1 mail=1/2 quit=1 commands=3/4".
	Disconnect(client, counts string)
	// Client tells who opened the transaction id. saslMethod and saslUser are empty without AUTH, saslSender without MAIL's.
	Client(id, client, saslMethod, saslUser, saslSender string)
	// Reject tells why a command was refused; id is "" outside a transaction, context "from=<a> to=<b> proto=SMTP".
	Reject(id, command, client, reply, context string)
	// Cut tells why a connection ended early: reason "lost connection", after "DATA (16 bytes)".
	Cut(reason, after, client string)
	// Pipelining tells that a client typed ahead where it must wait (RFC 2920 section 3.1).
	Pipelining(after, client, text string)
	Warning(text string)
}

// Recorder keeps the dialogue of one connection. Secrets are masked before they get here.
type Recorder interface {
	Client(line string) // a command line as typed, without telnet negotiation and line end
	Server(line string) // a reply line
	Data(bytes int)     // a message, or a chunk of one, was received
	Account(name string)
	Close()
}

// noLog is the Log of a server that has none.
type noLog struct{}

func (noLog) Connect(string)                                {}
func (noLog) Disconnect(string, string)                     {}
func (noLog) Client(string, string, string, string, string) {}
func (noLog) Reject(string, string, string, string, string) {}
func (noLog) Cut(string, string, string)                    {}
func (noLog) Pipelining(string, string, string)             {}
func (noLog) Warning(string)                                {}

// noRecorder is the Recorder of a connection that is not recorded.
type noRecorder struct{}

func (noRecorder) Client(string)  {}
func (noRecorder) Server(string)  {}
func (noRecorder) Data(int)       {}
func (noRecorder) Account(string) {}
func (noRecorder) Close()         {}
