package pop3

import (
	"context"
	"io"

	"maillab/internal/mail"
)

// Backend checks a login and opens the account's maildrop for this session alone.
type Backend interface {
	// Login returns the account's own name, whatever form of it was typed, and its maildrop. Errors that the client is told
	// apart: mail.ErrRejected, mail.ErrInUse; anything else is a passing fault of ours ([SYS/TEMP]). Slowing down who guesses is
	// the backend's matter.
	Login(ctx context.Context, user, password string, peer mail.Peer) (account string, drop Maildrop, err error)
}

// Maildrop is one session's exclusive view of a mailbox, fixed when it was opened (RFC 1939 §4). A session uses it from
// one goroutine.
type Maildrop interface {
	// Messages are those of the snapshot, in mailbox order; message number n is element n-1.
	Messages() []Message
	// Open reads message i (from 0) as it goes over the wire: lines end in CRLF, dots are not stuffed, exactly Size
	// octets, whatever happens to the mailbox meanwhile: what was announced can be read to its end. mail.ErrGone when another
	// program took it away.
	Open(ctx context.Context, i int) (io.ReadCloser, error)
	// Commit removes the messages (indexes from 0, ascending) for good. It is called at most once, by QUIT, and only
	// when there is something to remove.
	Commit(ctx context.Context, deleted []int) error
	// Close gives the maildrop free for others. It is called exactly once.
	Close() error
}

// Message is what a listing says of one message.
type Message struct {
	Size int64  // octets that RETR sends, CRLF counted as two, before dot-stuffing (RFC 1939 §11)
	UIDL string // 1 to 70 characters from 0x21 to 0x7E, never given to another message of this maildrop (RFC 1939 §7)
}

// Log tells the mail log about one connection.
type Log interface {
	Secure() // from now on TLS is on
	Login(user, method string)
	LoginFailed(user, method string)
	Disconnect(Counts) // once, at the end
}

// Counts are what a session moved, and how it ended.
type Counts struct {
	Account             string // "" when nobody logged in
	Ending              mail.Ending
	Top, Retr           int   // commands answered with +OK
	TopBytes, RetrBytes int64 // octets of message text that they sent
	Deleted, Messages   int   // messages removed by QUIT, messages at login
	Size                int64 // octets of all messages at login
	Received, Sent      int64 // octets on the line, inside TLS
}

// discard is the Log of who wants none.
type discard struct{}

func (discard) Secure()                    {}
func (discard) Login(string, string)       {}
func (discard) LoginFailed(string, string) {}
func (discard) Disconnect(Counts)          {}
