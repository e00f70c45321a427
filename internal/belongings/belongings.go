// Package belongings is what an account owns in a sandbox, its mailbox, its mail folders and its home, as a tar stream:
// made from the files, and put in place of them. Reset and restore are the same thing with another archive.
//
// Its promises:
//   - every function acts with the rights of the thread that calls it: in a sandbox that is the account's own file system
//     identity, so what a student planted in his home leads nowhere that he could not go himself;
//   - an archive is put aside whole before anything is touched, and is put in place by renaming: a mailbox is always a new
//     file. Whoever still has the old one open can only lose his own copy;
//   - no path leaves its root (os.Root), names, depths, numbers and sizes are bounded, and nothing but plain files,
//     directories and symbolic links is written. FIFOs, sockets and devices are left out; a hard link becomes a file.
//
// # The archive of one account
//
// A tar (PAX) with the entries
//
//	password       the one that its owner gave himself, in the supervisor's words (package sandbox)
//	inbox          the spool file, mboxrd as it lies there
//	home/PATH      what is in the home, in order; directories before what is in them
//
// A file with holes has only its data in the archive, and two PAX records: MAILLAB.size is its length, MAILLAB.data
// where the data goes ("OFFSET+LENGTH,…").
package belongings

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Scope is how much of an account's belongings is meant.
type Scope string

// Scopes. Mail is the mailbox, ~/mbox and ~/mail; Home is the rest of the home, hidden files included.
const (
	Mail Scope = "mail"
	Home Scope = "home"
	All  Scope = "all"
)

// ParseScope reads a scope's name; "" is Mail.
func ParseScope(name string) (Scope, error) {
	switch s := Scope(name); s {
	case "":
		return Mail, nil
	case Mail, Home, All:
		return s, nil
	}
	return "", fmt.Errorf("no scope is called %q: mail, home or all", name)
}

// Inbox tells whether the scope takes in the mailbox.
func (s Scope) Inbox() bool { return s != Home }

// covers tells whether the scope takes in what lies at the top of a home under this name.
func (s Scope) covers(name string) bool {
	switch {
	case name == aside, name == replaced:
		return false
	case s == All:
		return true
	}
	return (name == "mbox" || name == "mail") == (s == Mail)
}

// The names in an archive.
const (
	passwordEntry = "password"
	inboxEntry    = "inbox"
	homePrefix    = "home/"
)

// aside is where a home's new content waits, in the home itself: it can be renamed from there; replaced is where its old
// content goes, to be removed when nobody waits for it.
const (
	aside    = ".maillab-new"
	replaced = ".maillab-old"
)

// Bounds on one account's archive. They are far above what a student's quota allows, and keep an archive from a
// stranger from filling a disk.
const (
	MaxEntries = 100_000
	MaxBytes   = 1 << 30 // of data, and of one file with its holes
	maxDepth   = 64
	maxPath    = 4000 // PATH_MAX, and room for aside
	maxName    = 255  // NAME_MAX
)

// ErrHostile is an archive that is no archive of belongings: a path that leaves its root, something that is no file, more
// than the bounds allow.
var ErrHostile = errors.New("not an archive of a student's things")

func hostile(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrHostile, fmt.Sprintf(format, args...))
}

// Checker looks at an archive's headers, one after the other.
type Checker struct {
	entries int
	bytes   int64
	inbox   bool
	chosen  bool            // a password
	dirs    map[string]bool // seen, so that nothing but a directory is ever a parent
	others  map[string]bool
}

// Inflated tells whether an entry is a sparse file as GNU tar writes them. Package tar would read it with its holes: a
// few bytes become as many zeros as somebody likes.
func Inflated(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// Check refuses a header that Prepare would refuse.
func (c *Checker) Check(h *tar.Header) error {
	if c.entries++; c.entries > MaxEntries {
		return hostile("more than %d entries", MaxEntries)
	}
	if h.Size < 0 || c.bytes+h.Size > MaxBytes {
		return hostile("more than %d bytes", int64(MaxBytes))
	}
	if Inflated(h) {
		return hostile("%q is a sparse file of another program's", h.Name)
	}
	c.bytes += h.Size
	if h.Name == inboxEntry {
		if c.inbox || h.Typeflag != tar.TypeReg {
			return hostile("%s is there twice, or no file", inboxEntry)
		}
		c.inbox = true
		return nil
	}
	if h.Name == passwordEntry {
		if c.chosen || h.Typeflag != tar.TypeReg || h.Size > passwordMost {
			return hostile("%s is there twice, or none", passwordEntry)
		}
		c.chosen = true
		return nil
	}
	rel, ok := strings.CutPrefix(h.Name, homePrefix)
	if !ok {
		return hostile("entry %q", h.Name)
	}
	return c.checkHome(strings.TrimSuffix(rel, "/"), h)
}

func (c *Checker) checkHome(rel string, h *tar.Header) error {
	if err := checkPath(rel); err != nil {
		return err
	}
	if c.dirs == nil {
		c.dirs, c.others = map[string]bool{}, map[string]bool{}
	}
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		if c.others[dir] {
			return hostile("%q lies in what is no directory", rel)
		}
	}
	if c.others[rel] || c.dirs[rel] && h.Typeflag != tar.TypeDir {
		return hostile("%q is there twice", rel)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		c.dirs[rel] = true
		return nil
	case tar.TypeReg:
		_, _, err := extentsOf(h)
		c.others[rel] = true
		return err
	case tar.TypeSymlink:
		c.others[rel] = true
		if h.Linkname == "" || len(h.Linkname) > maxPath || strings.ContainsRune(h.Linkname, 0) {
			return hostile("%q leads nowhere", rel)
		}
		return nil
	}
	return hostile("%q is neither a file nor a directory nor a link", rel)
}

func checkPath(rel string) error {
	if !fs.ValidPath(rel) || rel == "." || len(rel) > maxPath || !validHere(rel) {
		return hostile("path %q", rel)
	}
	steps := strings.Split(rel, "/")
	if len(steps) > maxDepth {
		return hostile("path %q is deeper than %d", rel, maxDepth)
	}
	if steps[0] == aside || steps[0] == replaced {
		return hostile("path %q", rel)
	}
	for _, step := range steps {
		if len(step) > maxName {
			return hostile("a name in %q is longer than %d bytes", rel, maxName)
		}
	}
	return nil
}
