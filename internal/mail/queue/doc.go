// Package queue is what happens to a message between SMTP's DATA (or sendmail) and a mailbox: headers are completed as
// Postfix completes them, addresses are resolved, mail for local mailboxes is put there at once, everything else is kept
// on disk and tried until it is delivered, refused or too old.
//
// The promise: when Accept returns nil the message is on disk, in every mailbox or in the queue. When it returns an
// error nothing is kept, except that a mailbox which already took its copy keeps it (the client tries again: RFC 5321
// section 4.5.4.1 allows the duplicate).
//
// # Two ways
//
// The fast way: all recipients are mailboxes without a .forward. The message goes straight to them, in one call of
// Mailboxes.Deliver so that they can share fsyncs, and no queue file is ever written. The slow way, for everything
// else: one queue file, then attempts in the background (Run).
//
// # Who gets what
//
//   - A name without a domain is completed with Config.Domain. A source route (@a,@b:user@host) is dropped, and
//     user%host@local becomes user@host, as Postfix does by default.
//   - Routes come first (an address of the lab that an SMTP server of a student's own takes), then local domains: lab
//     aliases, accounts, then postmaster, mailer-daemon, abuse and root, whose mail is thrown away unless the lab has an
//     alias for them: a student's mailbox must hold only what the lab is about. It is logged as Postfix logs mail for
//     /dev/null.
//   - Other domains: the lab's outside entries, then the relay, else they are denied.
//
// # Queue file
//
// Dir/ID, mode 0600, written as Dir/tmp/ID, fsynced, renamed. It holds
//
//	maillab-queue 2 LEN\n        LEN is the length of the message in bytes
//	{"id":…,"sender":…,…}\n      the envelope, one line of JSON
//	message                      LEN bytes, lines end in LF, with its Received header and completed headers
//	{"rcpt":0,"state":"sent"}\n  what became of each recipient, appended as it happens, a line of JSON each
//
// The last word about a recipient counts; a torn last line is ignored. The file goes when every recipient is through.
package queue
