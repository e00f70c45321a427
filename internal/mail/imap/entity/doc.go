// Package entity reads MIME entities (RFC 2045 and its companions) out of any octets whatsoever.
//
// It promises never to fail, never to panic, and to use memory that depends on its limits and not on the message:
// whatever arrives is some message, if need be one that is a single plain text. Parse gives offsets into the message,
// so that sections can be served from its own bytes.
package entity
