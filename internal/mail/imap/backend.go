package imap

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// What a backend's methods may return, wrapped or not. Any other error is answered as a failure of the server, and
// logged.
var (
	ErrBadPassword = errors.New("user name or password is wrong")       // Login
	ErrNoMailbox   = errors.New("no such mailbox")                      // Open, Append, Delete, Rename
	ErrExists      = errors.New("mailbox exists")                       // Create, Rename
	ErrBadName     = errors.New("a mailbox cannot have this name")      // Create, Rename, Open
	ErrNotEmpty    = errors.New("mailbox has mailboxes below it")       // Delete
	ErrGone        = errors.New("message is gone")                      // Mailbox.Open
	ErrFull        = errors.New("quota or disk is full")                // Append, Create, Store
	ErrTooBig      = errors.New("message is too big")                   // Append
	ErrBusy        = errors.New("mailbox is locked by another program") // anything that touches a mailbox
)

// Backend lets users in.
type Backend interface {
	// Login checks a password. A wrong user or password is ErrBadPassword; the backend answers it slowly, if it wants to.
	Login(ctx context.Context, user, password string, peer net.Addr) (User, error)
}

// User is a logged-in user's mailboxes. Names are paths of UTF-8 components joined by "/", "INBOX" is the spool; the
// session has checked that no component is empty, starts with a dot, or has a control character. A value serves one
// session, which calls it from one goroutine at a time.
//
// It has nine methods because RFC 3501 has as many things to do with a mailbox that is not selected.
type User interface {
	// Name is the account's name, which may differ from what was typed at LOGIN (user@domain).
	Name() string
	// List returns all mailboxes, INBOX among them, the folders in between, and the subscribed names, in any order.
	List(ctx context.Context) ([]Folder, error)
	Create(ctx context.Context, name string) error
	Delete(ctx context.Context, name string) error
	// Rename moves a mailbox, and those below it. INBOX is never given: the session moves its messages (RFC 3501, 6.3.5).
	Rename(ctx context.Context, from, to string) error
	Subscribe(ctx context.Context, name string, on bool) error
	// Open gives a handle on a mailbox's shared state.
	Open(ctx context.Context, name string) (Mailbox, error)
	// Append adds messages, all or none, and returns when they are durable. The UIDs are in the order of msgs.
	Append(ctx context.Context, name string, msgs []NewMessage) (validity uint32, uids []uint32, err error)
	// Quota returns what the user's mail takes and may take, in octets; limit 0 is none.
	Quota(ctx context.Context) (used, limit int64, err error)
}

// Folder is one line of LIST.
type Folder struct {
	Name       string
	Selectable bool // false: a folder that only has others below it, or a subscribed name without a mailbox
	Exists     bool // false: only subscribed to
	Subscribed bool
	// NoInferiors says that nothing can be created below it: a file in a file system.
	NoInferiors bool
}

// NewMessage is a message on its way into a mailbox.
type NewMessage struct {
	Flags    Flags
	Keywords []string
	Date     time.Time // INTERNALDATE
	Size     int64     // octets that Body gives
	Body     io.Reader // CRLF line ends, but whatever the client sent; what is appended is an *io.SectionReader
}

// Mailbox is a session's handle on an open mailbox. All sessions see the same messages; each has its own handle.
type Mailbox interface {
	// Snapshot looks at the mailbox (cheaply when nothing has changed) and returns what is in it now. Neither side
	// changes the slice afterwards.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Open gives a message's bytes, or ErrGone.
	Open(ctx context.Context, uid uint32) (Raw, error)
	// Store changes flags. UIDs that are gone are left out of the result.
	Store(ctx context.Context, uids []uint32, change FlagChange) (StoreResult, error)
	// Expunge removes these messages; those that are already gone do not matter.
	Expunge(ctx context.Context, uids []uint32) error
	// ClaimRecent makes messages not recent any more, and returns those that were: they are \Recent for the caller.
	ClaimRecent(ctx context.Context, uids []uint32) ([]uint32, error)
	// Changed returns a channel that is closed at the next change, by whomever. It may miss changes that other programs
	// make: the session calls Snapshot now and then.
	Changed() <-chan struct{}
	Close()
}

// Raw is a message as it goes over the wire, with CRLF line ends. Its bytes never change while the UID lives.
type Raw interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Snapshot is a mailbox at one instant.
type Snapshot struct {
	UIDValidity uint32
	UIDNext     uint32
	// HighestModSeq grows with every change of flags, every new message and every expunge (RFC 7162).
	HighestModSeq uint64
	Messages      []Message // ascending in UID
}

// Message is what is known of a message without reading it.
type Message struct {
	UID        uint32
	Flags      Flags
	Keywords   []string // sorted
	Recent     bool     // no session has claimed it
	Size       int64    // octets on the wire
	HeaderSize int64    // octets of the header with its empty line; 0 when not known
	Date       time.Time
	ModSeq     uint64 // at least 1
	Digest     Digest // of its bytes
}

// Digest tells messages apart: two with the same one have the same header and body, whatever their mailboxes and UIDs.
// The zero value is none.
type Digest [16]byte

// Flags are the system flags, but \Recent, which belongs to sessions.
type Flags uint8

// The flags of RFC 3501, section 2.3.2.
const (
	Answered Flags = 1 << iota
	Flagged
	Deleted
	Seen
	Draft
)

// StoreOp is what STORE does with its flags.
type StoreOp uint8

// The three forms of STORE.
const (
	SetFlags StoreOp = iota
	AddFlags
	RemoveFlags
)

// FlagChange is one STORE.
type FlagChange struct {
	Op       StoreOp
	Flags    Flags
	Keywords []string
	// Conditional leaves alone what has a greater ModSeq than Since (RFC 7162, UNCHANGEDSINCE).
	Conditional bool
	Since       uint64
}

// StoreResult is what became of a STORE.
type StoreResult struct {
	Messages []Message // as they are now, ascending in UID; those in Conflicts too
	Conflict []uint32  // left alone because of Since
}
