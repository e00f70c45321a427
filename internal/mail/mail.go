// Package mail holds the values of mail, each once: what a client hands in (Envelope), what goes into a mailbox (Delivery,
// NewMessage), what a mailbox shows (Snapshot, Message, Flags), who is at the other end (Peer), who takes a conversation
// down (Recorder), and the errors that a protocol, the queue and the spool tell apart. The protocols, the queue, the spool,
// the log and the records all speak of mail in these words, and each declares for itself the few methods that it needs.
//
// It is values alone: no I/O, no clock, no locks.
package mail

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Address is one of the envelope's, in both forms without the quotes and backslashes of RFC 5321's quoted strings, as
// Postfix logs it. The empty one is the null sender.
type Address struct {
	Typed string `json:"typed"`   // as typed, without brackets, source route and comments: X-Original-To, orig_to=, Received's for
	Full  string `json:"address"` // completed: "util11@local.isri.fr"
}

// Recipient is one RCPT that was accepted.
type Recipient struct {
	Address
	Notify []string `json:"notify,omitempty"` // RFC 3461 NOTIFY, upper case: NEVER, or some of SUCCESS, FAILURE, DELAY
	ORcpt  string   `json:"orcpt,omitempty"`  // RFC 3461 ORCPT, decoded: "rfc822;util11@example.com"
}

// Wants tells whether the sender is to hear of an event (SUCCESS, FAILURE, DELAY). RFC 3461 section 4.1: without NOTIFY,
// failures are told.
func (r Recipient) Wants(event string) bool {
	if len(r.Notify) == 0 {
		return event == "FAILURE"
	}
	for _, n := range r.Notify {
		if strings.EqualFold(n, event) {
			return true
		}
	}
	return false
}

// Envelope is what SMTP or sendmail knows of a message, apart from the message. Its JSON is in the queue's files and in
// the record of deliveries.
type Envelope struct {
	ID         string      `json:"id"`               // queue ID, given with the first accepted recipient
	Told       string      `json:"told,omitempty"`   // the queue ID that the client was told, where a filter stood between
	ClientName string      `json:"name,omitempty"`   // "localhost", "unknown"
	ClientAddr string      `json:"client,omitempty"` // "172.17.0.1", "::1"; "" when sendmail handed it in
	Helo       string      `json:"helo,omitempty"`   // as typed, without what would break a header; "" when none was said
	Protocol   string      `json:"protocol,omitempty"`
	User       string      `json:"user,omitempty"`      // the account that AUTH or the kernel proved
	UID        int         `json:"uid,omitempty"`       // of who called sendmail
	FullName   string      `json:"full_name,omitempty"` // of who called sendmail, for a From header
	Sender     Address     `json:"sender"`
	Recipients []Recipient `json:"recipients"`
	Arrived    time.Time   `json:"arrived"`        // of the first accepted recipient: Received, Date and delays count from it
	Body       string      `json:"body,omitempty"` // RFC 6152 BODY: "7BIT", "8BITMIME" or ""
	UTF8       bool        `json:"utf8,omitempty"` // RFC 6531: MAIL carried SMTPUTF8
	Auth       string      `json:"auth,omitempty"` // RFC 4954 AUTH of MAIL: nobody here trusts it, but the log has it
	Ret        string      `json:"ret,omitempty"`  // RFC 3461: FULL, HDRS or ""
	EnvID      string      `json:"envid,omitempty"`
	Box        string      `json:"box,omitempty"`    // the folder that it goes into in each mailbox here; "" is INBOX
	Spared     bool        `json:"spared,omitempty"` // nothing goes wrong with it on purpose: the teacher's, and what checks send
	Size       int64       `json:"-"`                // RFC 1870 SIZE as declared, octets; 0 unknown: saves memory, is not trusted
}

// Name is what the client knows the message by. Behind a content filter it has another queue ID.
func (e *Envelope) Name() string { return cmp.Or(e.Told, e.ID) }

// Reply is an error that is answered with an SMTP reply (RFC 5321 section 4.2, RFC 3463).
type Reply struct {
	Code     int    // 452
	Enhanced string // "4.3.1"
	Text     string // "Insufficient system storage"
	Err      error  // why, for the program's own log; may be nil
}

// Error is the reply, and why.
func (r *Reply) Error() string {
	text := fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text)
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

// Unwrap gives the reason.
func (r *Reply) Unwrap() error { return r.Err }

// What the spool, the accounts and the queue answer, wrapped or bare. Any other error is a fault of the server's own.
var (
	ErrRejected  = errors.New("user name or password is wrong")
	ErrQuota     = errors.New("disk quota exceeded") // strerror(3)'s text: it goes to a person
	ErrTryLater  = errors.New("it cannot be told just now")
	ErrInUse     = errors.New("maildrop is in use by another session")
	ErrNoMailbox = errors.New("no such mailbox")
	ErrExists    = errors.New("mailbox exists")
	ErrBadName   = errors.New("a mailbox cannot have this name")
	ErrNotEmpty  = errors.New("mailbox has mailboxes below it")
	ErrGone      = errors.New("message is gone")
	ErrFull      = errors.New("quota or disk is full")
	ErrTooBig    = errors.New("message or mailbox would be too big")
	ErrLocked    = errors.New("mailbox is locked by another program")
)
