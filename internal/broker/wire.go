package broker

import (
	"errors"
	"fmt"
	"syscall"

	"maillab/internal/handoff"
)

// MaxBody bounds what travels in an attached file: a spec with all its starting mail, a list of folders.
const MaxBody = 256 << 20

// The operations.
const (
	opOpen      = "open"
	opRemove    = "remove"
	opRename    = "rename"
	opList      = "list"
	opMkdir     = "mkdir"
	opLock      = "lock"
	opUnlock    = "unlock"
	opConfigure = "configure"
	opAuthorize = "authorize"
	opHostKey   = "hostkey"
	opSpec      = "spec"
	opStamp     = "stamp"
	opMoving    = "moving"
)

// The kinds of errors that are not just an errno.
const (
	kindLocked  = "locked"
	kindRefused = "refused"
)

// request is what maild asks. Which fields an op uses is in the package comment.
type request struct {
	ID   uint64 `json:"id"`
	Op   string `json:"op"`
	User string `json:"user,omitempty"`
	Box  string `json:"box,omitempty"`
	To   string `json:"to,omitempty"`   // rename: the new box; neighbour: a domain or an address
	Flag int    `json:"flag,omitempty"` // open
	Lock uint64 `json:"lock,omitempty"` // unlock
	Key  string `json:"key,omitempty"`  // authorize: "ssh-ed25519 AAAA…"
	TTL  int64  `json:"ttl,omitempty"`  // authorize: milliseconds

	Scope string `json:"scope,omitempty"` // save, prepare, commit: "mail", "home" or "all"
	Users string `json:"users,omitempty"` // commit: names, separated by commas

	Service string `json:"service,omitempty"` // neighbour: what is wanted of it
}

// reply is what labinit answers.
type reply struct {
	ID    uint64 `json:"id"`
	Errno int    `json:"errno,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Error string `json:"error,omitempty"` // "" when it was done
	Lock  uint64 `json:"lock,omitempty"`
	Text  string `json:"text,omitempty"` // hostkey, relay, neighbour

	Domain string `json:"domain,omitempty"` // neighbour
}

// parseRequest reads one packet that maild sent. labinit trusts maild no further than this.
func parseRequest(packet []byte) (request, error) {
	var r request
	if err := handoff.Parse(packet, &r); err != nil {
		return request{}, fmt.Errorf("request: %w", err)
	}
	return r, nil
}

// parseReply reads one packet that labinit sent.
func parseReply(packet []byte) (reply, error) {
	var r reply
	if err := handoff.Parse(packet, &r); err != nil {
		return reply{}, fmt.Errorf("reply: %w", err)
	}
	switch r.Kind {
	case "", kindLocked, kindRefused:
	default:
		return reply{}, fmt.Errorf("reply: unknown kind %q", r.Kind)
	}
	if r.Errno < 0 || r.Errno > 4095 { // MAX_ERRNO in the kernel's err.h
		return reply{}, fmt.Errorf("reply: errno %d", r.Errno)
	}
	if r.Error == "" && (r.Errno != 0 || r.Kind != "") {
		return reply{}, errors.New("reply: an error without its text")
	}
	return r, nil
}

// failure turns an error into its reply.
func failure(id uint64, err error) reply {
	r := reply{ID: id, Error: err.Error()}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		r.Errno = int(errno)
	}
	var full *Error
	if errors.As(err, &full) {
		r.Error = full.Text
	}
	switch {
	case errors.Is(err, ErrLocked):
		r.Kind = kindLocked
	case errors.Is(err, ErrRefused):
		r.Kind = kindRefused
	}
	if r.Error == "" {
		r.Error = "failed"
	}
	if len(r.Error) > 1024 { // an error that quotes a whole lab must still fit into a packet
		r.Error = r.Error[:1024] + "…"
	}
	return r
}

// err turns a reply to req into an error, nil when it was done.
func (r reply) err(req request) error {
	if r.Error == "" {
		return nil
	}
	e := &Error{Op: req.Op, User: req.User, Box: req.Box, Errno: syscall.Errno(r.Errno), Text: r.Error}
	switch r.Kind {
	case kindLocked:
		e.Kind = ErrLocked
	case kindRefused:
		e.Kind = ErrRefused
	}
	return e
}
