// Package imap is an IMAP4rev1 server (RFC 3501) that is pleasant to talk to by hand and exact for real clients.
//
// It promises that a typo, an empty line, a forgotten tag, blanks at either end, lower case and bare LF get an answer
// and keep the connection; that sequence numbers never go stale (the session owns them, the backend owns UIDs); that
// BODY[], HEADER, TEXT and partials are the message's own bytes; and that what it advertises works. The words are those
// of one of two servers, chosen by Config.Wording; what is done does not depend on them, but for the namespace.
//
// The package knows neither the spool nor the accounts: see Backend, User and Mailbox for the few methods that it needs.
package imap
