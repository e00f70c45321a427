// Package syntax takes IMAP commands apart (RFC 3501 section 9, and the extensions of imap's capability list). It promises
// to forgive what people type, blanks above all, to bound what one command can ask for, and never to panic. It is pure: text
// in, requests out, and errors in the words of Dovecot, without the full stop.
//
// A command is given as it was sent, literals in place behind their announcement and CRLF, but for one that may be elsewhere.
package syntax
