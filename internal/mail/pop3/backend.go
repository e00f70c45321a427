package pop3

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// Backend checks a login and opens the account's maildrop for this session alone.
type Backend interface {
	// Login returns the account's own name, whatever form of it was typed, and its maildrop. peer is the client's
	// address without its port. Errors that the client is told apart: ErrRejected, ErrInUse; anything else is a
	// passing fault of ours ([SYS/TEMP]). Slowing down who guesses is the backend's matter.
	Login(ctx context.Context, user, password, peer string) (account string, drop Maildrop, err error)
}

// Sentinels that a Backend's errors wrap.
var (
	ErrRejected = errors.New("user or password wrong")
	ErrInUse    = errors.New("maildrop in use by another session")
	ErrGone     = errors.New("message is gone") // by Open: another program took it away
)

// Maildrop is one session's exclusive view of a mailbox, fixed when it was opened (RFC 1939 §4). A session uses it from
// one goroutine.
type Maildrop interface {
	// Messages are those of the snapshot, in mailbox order; message number n is element n-1.
	Messages() []Message
	// Open reads message i (from 0) as it goes over the wire: lines end in CRLF, dots are not stuffed, exactly Size
	// octets.
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

// Log tells the mail log about sessions. Methods are called from many goroutines.
type Log interface {
	Login(s Session, method string)
	LoginFailed(s Session, user, method string)
	Disconnect(s Session, how Ending, n Counts)
}

// Session is what a log line says about a connection.
type Session struct {
	Peer, Local net.Addr
	TLS         bool
	Account     string // "" before login
}

// Ending is why a connection ended.
type Ending string

// Endings.
const (
	LoggedOut   Ending = "logged out"   // QUIT
	LineDropped Ending = "disconnected" // the client closed, or the network failed
	TimedOut    Ending = "timeout"      // no command for Config.Idle, or a reply not taken for Config.Stalled
	TooManyBad  Ending = "too many bad commands"
	ShutDown    Ending = "shutdown" // by the context
	Failed      Ending = "error"    // ours: a message that could not be read to its end
)

// Counts are what a session moved.
type Counts struct {
	Top, Retr           int    // commands answered with +OK
	TopBytes, RetrBytes int64  // octets of message text that they sent
	Deleted, Messages   int    // messages removed by QUIT, messages at login
	Size                int64  // octets of all messages at login
	Received, Sent      int64  // octets on the line, inside TLS
	Attempts            int    // logins that were rejected
	Tried               string // the user of the last of them, as typed
	Time                time.Duration
}

// Recorder keeps one connection's dialogue. Secrets come masked.
type Recorder interface {
	Client(line string) // a command line
	Server(line string) // a reply line
	Data(bytes int)     // a message's text went out in place of lines
	Account(name string)
	Close()
}

// discard is the Log and the Recorder of who wants none.
type discard struct{}

func (discard) Login(Session, string)               {}
func (discard) LoginFailed(Session, string, string) {}
func (discard) Disconnect(Session, Ending, Counts)  {}
func (discard) Client(string)                       {}
func (discard) Server(string)                       {}
func (discard) Data(int)                            {}
func (discard) Account(string)                      {}
func (discard) Close()                              {}
