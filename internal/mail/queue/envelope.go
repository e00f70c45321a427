package queue

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Envelope is what SMTP or sendmail knows about a message, apart from the message.
type Envelope struct {
	ID         string      `json:"id"`                    // from Queue.NewID, given with the first accepted recipient
	ClientName string      `json:"client_name,omitempty"` // "localhost", "unknown"; empty when submitted by sendmail
	ClientAddr string      `json:"client_addr,omitempty"` // "172.17.0.1", "::1"
	Helo       string      `json:"helo,omitempty"`        // as typed; empty when none was said
	Protocol   string      `json:"protocol,omitempty"`    // what follows "with" in Received (RFC 3848): SMTP, ESMTP, UTF8SMTP…
	UID        int         `json:"uid,omitempty"`         // of who called sendmail, when ClientAddr is empty
	FullName   string      `json:"full_name,omitempty"`   // of who called sendmail, for a From header
	Sender     string      `json:"sender"`                // without brackets; empty is the null sender
	Recipients []Recipient `json:"recipients"`
	Arrived    time.Time   `json:"arrived"`         // of the first accepted recipient: Received, Date and delays count from it
	EnvID      string      `json:"envid,omitempty"` // RFC 3461, decoded
	Ret        string      `json:"ret,omitempty"`   // RFC 3461: FULL, HDRS or empty
	UTF8       bool        `json:"utf8,omitempty"`  // MAIL FROM carried SMTPUTF8
	SizeHint   int64       `json:"-"`               // SIZE= of MAIL FROM in bytes, 0 unknown: saves memory, is not trusted
}

// Recipient is one RCPT.
type Recipient struct {
	Typed   string   `json:"typed"`            // as the client gave it, without brackets: X-Original-To, orig_to=
	Address string   `json:"address"`          // completed; Accept fills it in when it is empty
	Notify  []string `json:"notify,omitempty"` // RFC 3461: NEVER, or any of SUCCESS, FAILURE, DELAY
	ORcpt   string   `json:"orcpt,omitempty"`  // RFC 3461, as given: "rfc822;util1@example.com"
}

// wants says whether the sender is to hear of an event (SUCCESS, FAILURE, DELAY). RFC 3461 section 4.1: without NOTIFY,
// failures are told.
func (r Recipient) wants(event string) bool {
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

// Error is a refusal with its SMTP reply.
type Error struct {
	Code     int    // 452
	Enhanced string // "4.3.1"
	Text     string // "Insufficient system storage"
	Err      error  // why, for the program's own log; may be nil
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%d %s %s", e.Code, e.Enhanced, e.Text)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Reply is what an SMTP server answers.
func (e *Error) Reply() (code int, enhanced, text string) { return e.Code, e.Enhanced, e.Text }

func (e *Error) Unwrap() error { return e.Err }

// What a Mailboxes may answer, wrapped or bare. Any other error is taken to be temporary.
var (
	ErrFull   = errors.New("no space left")               // disk or quota: 452, or tried again from the queue
	ErrTooBig = errors.New("the mailbox may not grow so") // a limit on the mailbox: 552, or returned to the sender
)
