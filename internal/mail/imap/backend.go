package imap

import (
	"context"

	"maillab/internal/mail"
)

// Backend lets users in. Of internal/mail's errors all methods here may return, wrapped or not, those that a client is told
// of; any other error is answered as a failure of the server, and logged.
type Backend interface {
	// Login checks a password. A wrong user or password is mail.ErrRejected; the backend answers it slowly, if it wants to.
	Login(ctx context.Context, user, password string, peer mail.Peer) (User, error)
}

// User is a logged-in user. A value serves one session, which calls it from one goroutine at a time.
//
// Names of mailboxes are paths of UTF-8 components joined by "/", "INBOX" is the spool; the session has checked that no
// component is empty, starts with a dot, or has a control character.
type User interface {
	// Name is the account's name, which may differ from what was typed at LOGIN (user@domain).
	Name() string
	Folders() Folders
	// Open gives a handle on a mailbox's shared state.
	Open(ctx context.Context, name string) (Mailbox, error)
	// Append adds messages, all or none, and returns when they are durable. At is their INTERNALDATE; lines end as the client
	// sent them. The UIDs are in the order of the messages, or none when they cannot be told.
	Append(ctx context.Context, name string, messages []mail.Delivery) (validity uint32, uids []uint32, err error)
	// Quota returns what the user's mail takes and may take, in octets; limit 0 is none.
	Quota(ctx context.Context) (used, limit int64, err error)
}

// Folders are a user's mailboxes by name.
type Folders interface {
	// List returns all mailboxes, INBOX among them, the folders in between, and the subscribed names, in any order.
	List(ctx context.Context) ([]Folder, error)
	// Create makes a mailbox, or, when only below is set, a folder for mailboxes alone.
	Create(ctx context.Context, name string, onlyBelow bool) error
	// Delete removes a mailbox, or a folder without a mailbox that has none below it.
	Delete(ctx context.Context, name string) error
	// Rename moves a mailbox, and those below it. INBOX is never given: the session moves its messages (RFC 3501, 6.3.5).
	Rename(ctx context.Context, from, to string) error
	Subscribe(ctx context.Context, name string, on bool) error
}

// Folder is one line of LIST.
type Folder struct {
	Name       string
	Selectable bool // false: a folder that only has others below it, or a subscribed name without a mailbox
	Exists     bool // false: only subscribed to
	Subscribed bool
}

// Mailbox is a session's handle on an open mailbox. All sessions see the same messages; each has its own handle.
type Mailbox interface {
	// Look looks at the mailbox (cheaply when nothing has changed) and returns what is in it now.
	Look(ctx context.Context) (mail.Snapshot, error)
	// Open gives a message's bytes, or mail.ErrGone.
	Open(uid uint32) (mail.Raw, error)
	// Store changes flags. UIDs that are gone are left out of the result.
	Store(ctx context.Context, uids []uint32, change mail.FlagChange) (mail.Stored, error)
	// Expunge removes those of these messages that are still there.
	Expunge(ctx context.Context, uids []uint32) (gone []uint32, err error)
	// ClaimRecent makes messages not recent any more, and returns those that were: they are \Recent for the caller.
	ClaimRecent(ctx context.Context, uids []uint32) ([]uint32, error)
	// Changed returns a channel that is closed at the next change, by whomever. It may miss changes that other programs
	// make: the session calls Look now and then.
	Changed() <-chan struct{}
	Close() error
}
