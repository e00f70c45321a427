package mbox

import (
	"context"
	"os"

	"maillab/internal/mail"
)

// Inbox is the box name of a user's spool file.
const Inbox = "INBOX"

// Files opens users' files. A box is "INBOX" (the spool file), ".forward", "~/" and a file of the user's domain ("~/zone"), or a
// folder's path below the user's mail directory ("Archives", "2026/march").
//
// The daemon may not reach these files itself: a broker opens them with the user's own rights and hands over
// descriptors. PlainFiles is the same over one directory. All methods are safe for concurrent use.
type Files interface {
	// Open opens a box with os.O_RDWR or os.O_RDONLY, and os.O_CREATE or not (0660 for INBOX, 0600 otherwise). The
	// implementation adds O_NOFOLLOW, O_NONBLOCK and O_CLOEXEC.
	Open(ctx context.Context, user, box string, flag int) (*os.File, error)
	// Remove removes a box, or an empty directory; fs.ErrNotExist when there is none.
	Remove(ctx context.Context, user, box string) error
	// Rename renames a box over another one, which is replaced when it exists, or a directory.
	Rename(ctx context.Context, user, from, to string) error
	// Mkdir makes a directory for boxes, and those that it is in; fs.ErrExist when there is one.
	Mkdir(ctx context.Context, user, path string) error
	// List returns what is below the user's mail directory, boxes and directories, sorted.
	List(ctx context.Context, user string) ([]mail.File, error)
	// Lock takes the dotlock beside a box in one try: ErrLocked when it is held. A stale one is broken.
	Lock(ctx context.Context, user, box string) (unlock func(), err error)
}
