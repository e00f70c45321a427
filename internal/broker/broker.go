// Package broker is how maild reaches what is not its own: users' mailboxes and folders, and the few things that only
// root may change. maild asks over a socket pair that labinit gave it at birth; labinit does each file operation with
// the file system identity of the user concerned, and hands open files over as descriptors. So maild needs no right
// over anybody's files, and a mistake in it cannot reach further than the user it asks for could himself.
//
// # The wire
//
// A Unix socket of type SOCK_SEQPACKET. Each packet is one JSON object of at most handoff.MaxPacket bytes, with at most one
// descriptor attached (SCM_RIGHTS). maild sends requests, numbered as it likes; labinit answers each once, in any order:
//
//	{"id":7,"op":"open","user":"util1","box":"INBOX","flag":2}      → {"id":7}  + the open file
//	{"id":8,"op":"lock","user":"util1","box":"INBOX"}               → {"id":8,"lock":3}, or {"id":8,"kind":"locked",…}
//	{"id":9,"op":"unlock","lock":3}                                 → {"id":9}
//	{"id":10,"op":"list","user":"util1"}                            → {"id":10} + a file holding a JSON list of mail.File
//	{"id":11,"op":"configure"} + a file holding a spec              → {"id":11}
//	{"id":12,"op":"remove","user":"util1","box":"gone"}             → {"id":12,"errno":2,"error":"no such file or directory"}
//
// What is long travels in an attached file (a memfd), so packets stay small. flag has Linux's values. An unknown key, op
// or kind is an error. When maild's end closes, the locks that it held are released.
//
// # Boxes
//
// A box is a name: Inbox is /var/mail/USER, NewInbox a file beside it that is to replace it, Forward is ~/.forward, Read
// is ~/mbox, Zone is ~/zone, Signing is ~/opendkim.conf, Keys are below ~/dkim, anything else a path below ~/mail. No step below a home may be a symbolic link, and what is opened is a
// regular file with one link that belongs to its user, or it is refused.
package broker

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unicode/utf8"
)

// The boxes that are not below ~/mail. "INBOX" and what starts with "INBOX/" is never a folder.
const (
	Inbox    = "INBOX"           // /var/mail/USER
	NewInbox = "INBOX/new"       // /var/mail/.USER.new: renamed over Inbox
	Forward  = ".forward"        // ~/.forward
	Read     = "~/mbox"          // ~/mbox, where mail(1) moves what was read
	Zone     = "~/zone"          // ~/zone, the records of the user's domain in a lab between servers
	Signing  = "~/opendkim.conf" // how the domain's mail is signed
	Keys     = "~/dkim/"         // and the name of a key
)

// Sentinels that callers branch on. An *Error also unwraps to the syscall.Errno that it has, if any.
var (
	ErrLocked  = errors.New("locked by somebody else")
	ErrRefused = errors.New("not a plain file of its user's own")
)

// Error is what went wrong with one operation, on labinit's side.
type Error struct {
	Op, User, Box string
	Errno         syscall.Errno // 0 when it was no system call that failed
	Kind          error         // ErrLocked, ErrRefused or nil
	Text          string
}

func (e *Error) Error() string {
	what := strings.TrimSpace(strings.Join([]string{e.Op, e.User, e.Box}, " "))
	return what + ": " + e.Text
}

// Unwrap makes errors.Is find the errno (and with it fs.ErrNotExist and friends), ErrLocked and ErrRefused.
func (e *Error) Unwrap() []error {
	var all []error
	if e.Errno != 0 {
		all = append(all, e.Errno)
	}
	if e.Kind != nil {
		all = append(all, e.Kind)
	}
	return all
}

// refused is an ErrRefused with the errno that comes nearest.
func refused(errno syscall.Errno, format string, args ...any) error {
	return &Error{Errno: errno, Kind: ErrRefused, Text: fmt.Sprintf(format, args...)}
}

// Bounds on box names, which may come from a student's keyboard.
const (
	maxDepth = 16
	maxName  = 200 // bytes of one component: leaves room for ".lock" within NAME_MAX
)

// root is the directory that a box's path starts in.
type root int

const (
	inSpool root = iota // /var/mail
	inHome              // the user's home
)

// place is where a box lies: below its root, through dirs, at name.
type place struct {
	root root
	dirs []string
	name string
}

// locate says where a user's box lies, or why there can be no such box.
func locate(user, box string) (place, error) {
	switch box {
	case Inbox:
		return place{root: inSpool, name: user}, nil
	case NewInbox:
		return place{root: inSpool, name: "." + user + ".new"}, nil
	case Forward:
		return place{root: inHome, name: ".forward"}, nil
	case Read:
		return place{root: inHome, name: "mbox"}, nil
	case Zone, Signing:
		return place{root: inHome, name: strings.TrimPrefix(box, "~/")}, nil
	}
	if name, is := strings.CutPrefix(box, Keys); is {
		if err := checkStep(name); err != nil || strings.Contains(name, "/") {
			return place{}, refused(syscall.EINVAL, "no such key can be")
		}
		return place{root: inHome, dirs: []string{"dkim"}, name: name}, nil
	}
	steps := strings.Split(box, "/")
	if len(steps) > maxDepth || steps[0] == Inbox {
		return place{}, refused(syscall.EINVAL, "no such box can be")
	}
	for _, step := range steps {
		if err := checkStep(step); err != nil {
			return place{}, err
		}
	}
	last := len(steps) - 1
	return place{root: inHome, dirs: append([]string{"mail"}, steps[:last]...), name: steps[last]}, nil
}

// checkStep refuses what would leave ~/mail, is hidden, or would clash with another box's dotlock.
func checkStep(step string) error {
	switch {
	case step == "" || step[0] == '.' || step[0] == '~':
		return refused(syscall.EINVAL, "a part of a box's name is empty or starts with %q", firstOf(step))
	case len(step) > maxName:
		return refused(syscall.ENAMETOOLONG, "a part of a box's name is longer than %d bytes", maxName)
	case strings.HasSuffix(step, ".lock"):
		return refused(syscall.EINVAL, "a box's name ends in .lock")
	case !utf8.ValidString(step) || strings.ContainsFunc(step, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return refused(syscall.EINVAL, "a box's name has control characters or is not UTF-8")
	}
	return nil
}

func firstOf(step string) string {
	if step == "" {
		return ""
	}
	return step[:1]
}

// isFolder tells whether a file found below ~/mail under this path is a box that locate would lead to.
func isFolder(path string) bool {
	p, err := locate("", path)
	return err == nil && p.root == inHome && len(p.dirs) > 0
}
