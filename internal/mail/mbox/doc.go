// Package mbox keeps users' mailboxes: /var/mail/USER and folders below their homes, in the mboxrd format, beside other
// programs that use the same files, above all mailutils' mail.
//
// Its promises:
//   - what Deliver and Append answered is on disk, whatever happens afterwards, and nothing is ever torn in two;
//   - a UID names the same octets for ever, whoever rewrites the file;
//   - nothing here waits for a network, and a mailbox that its owner locked, linked or broke keeps nobody else's mail.
//
// In the file lines end in LF, each message starts with a From_ line in Postfix's form and ends with an empty line, and
// lines of the message that look like one are quoted (">From ", mboxrd). On the wire lines end in CRLF, nothing is
// quoted, and the headers in which mail readers keep their own notes (see hidden) are left out. Sizes count the wire.
//
// Flags and UIDs live in an index beside the spool, in a directory of the daemon's own: index.go tells its format,
// tail.go that of the note about the last append, redo.go that of a rewrite under way. Messages are known again by a
// digest of what is served of them. Flags follow what others write into Status, X-Status and X-Keywords, and are
// written there when nobody else has the file open.
//
// A process with a limit on file sizes has to ignore SIGXFSZ, or that signal ends it before ErrTooBig can be told.
//
// A folder's UIDs survive its renaming. Where the names of users and boxes become file names they are escaped.
package mbox
