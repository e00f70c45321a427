package queue

import (
	"slices"
	"strings"
	"time"

	"maillab/internal/mail"
)

// entry is a message in the queue: all of it but its text.
type entry struct {
	env         *mail.Envelope
	size        int64
	messageID   string
	resentID    string // known until it is logged
	deliveredTo []string

	offset int64 // of the text in the queue file
	length int64

	states  []state  // one for each recipient
	sharers []string // whose shares of the queue it is counted in
	queued  time.Time
	due     time.Time
	tries   int
	active  bool // an attempt is under way
	again   bool // and another is wanted as soon as it has ended
	fresh   bool // the log has it as active, and it has not been tried since

	settled int // recipients that the attempt under way is done with

	idLogged bool // the log has its message-id
	logged   bool // and that it is in the queue
}

// The states, as in status= of the log. The empty one is a recipient that was never tried.
const (
	stateSent     = "sent"
	stateDeferred = "deferred"
	stateBounced  = "bounced"
)

// result is what came of one attempt for one recipient.
type result struct {
	State string `json:"state"`
	DSN   string `json:"dsn"`
	Text  string `json:"text"`
	// For a delivery report: who said so, if it was another server.
	RemoteMTA string `json:"remote,omitempty"`
	Reply     string `json:"reply,omitempty"`
	Via       string `json:"via,omitempty"` // the server that took the message, as in relay=
}

// state is the last word about a recipient.
type state struct {
	result
	When     time.Time
	To       string // the recipient as resolved, for reports; "" is its address
	Reported bool   // the sender was told how it ended
	Warned   bool   // the sender was told that it takes long
}

// open says whether there is still something to do.
func (s state) open() bool { return s.State == "" || s.State == stateDeferred }

// settle keeps what became of a recipient.
func (e *entry) settle(rcpt int, r result, now time.Time) {
	e.states[rcpt].result, e.states[rcpt].When = r, now
}

// pending are the recipients that are not through.
func (e *entry) pending() (rcpts []int) {
	for i, s := range e.states {
		if s.open() {
			rcpts = append(rcpts, i)
		}
	}
	return rcpts
}

// wasAt says whether a mailbox here has handed this message on before: RFC 5321 section 6.3 leaves it to us how loops
// are found, and Postfix looks at Delivered-To.
func (e *entry) wasAt(address string) bool {
	return slices.Contains(e.deliveredTo, strings.ToLower(address))
}

// delays are the log's four times for an attempt that took from begin to now.
func (e *entry) delays(begin, now time.Time) mail.Delays {
	return mail.Delays{
		Before:   since(e.env.Arrived, e.queued),
		InQueue:  since(e.queued, begin),
		Transmit: since(begin, now),
	}
}
