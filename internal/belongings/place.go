package belongings

import (
	"archive/tar"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// newInbox is a mailbox that is to replace an account's: the name that package broker has for it, too.
func newInbox(account string) string { return "." + account + ".new" }

// walk hands every entry of an archive to do, each checked.
func walk(archive io.Reader, do func(h *tar.Header, r io.Reader) error) error {
	var c Checker
	for in := tar.NewReader(archive); ; {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrHostile, err)
		}
		if err := c.Check(h); err != nil {
			return err
		}
		if err := do(h, in); err != nil {
			return err
		}
	}
}

// CheckAll reads a whole archive of one account and refuses it if Prepare would.
func CheckAll(archive io.Reader) error {
	return walk(archive, func(_ *tar.Header, r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
}

// PrepareInbox puts the archive's mailbox beside the one in force, an empty one when the archive has none.
func PrepareInbox(spool *os.Root, account string, archive io.Reader) (err error) {
	name := newInbox(account)
	if err := spool.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := spool.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|safely, inboxMode)
	if err != nil {
		return fmt.Errorf("new mailbox of %s: %w", account, err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = spool.Remove(name)
		}
	}()
	if err := f.Chmod(inboxMode); err != nil { // whatever the umask is
		return err
	}
	return walk(archive, func(h *tar.Header, r io.Reader) error {
		if h.Name != inboxEntry {
			return nil
		}
		_, err := io.Copy(f, r)
		return err
	})
}

// CommitInbox puts the prepared mailbox in place. A student's dotlock on the old one goes with it.
func CommitInbox(spool *os.Root, account string) error {
	if err := spool.Rename(newInbox(account), account); err != nil {
		return err
	}
	if err := spool.Remove(account + ".lock"); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// AbortInbox forgets what was prepared.
func AbortInbox(spool *os.Root, account string) error {
	if err := spool.Remove(newInbox(account)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// PrepareHome puts what the scope covers of the archive's home aside, within the home.
func PrepareHome(home *os.Root, scope Scope, archive io.Reader) (err error) {
	_ = AbortHome(home) // of an earlier one that was cut short; what cannot be removed is left
	if err := home.Rename(aside, elsewhere()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	u := unpacker{home: home}
	defer func() {
		if err = errors.Join(err, u.close()); err != nil {
			err = errors.Join(err, removeAll(home, aside))
		}
	}()
	err = walk(archive, func(h *tar.Header, r io.Reader) error {
		rel, ok := strings.CutPrefix(strings.TrimSuffix(h.Name, "/"), homePrefix)
		if top, _, _ := strings.Cut(rel, "/"); !ok || !scope.covers(top) {
			return nil
		}
		return u.put(rel, h, r)
	})
	if err != nil {
		return err
	}
	return u.finish()
}

// unpacker writes entries below a root. Modes of directories come last: a directory that may not be written would keep its
// own content out.
type unpacker struct {
	home *os.Root
	into *os.Root // nil: there is nothing yet
	dirs []*tar.Header
}

func (u *unpacker) begin() (err error) {
	if u.into == nil {
		if err := u.home.Mkdir(aside, 0o700); err != nil {
			return err
		}
		u.into, err = u.home.OpenRoot(aside)
	}
	return err
}

func (u *unpacker) close() error {
	if u.into == nil {
		return nil
	}
	return u.into.Close()
}

func (u *unpacker) put(rel string, h *tar.Header, r io.Reader) error {
	if err := u.begin(); err != nil {
		return err
	}
	if err := u.into.MkdirAll(path.Dir(rel), 0o700); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		u.dirs = append(u.dirs, h)
		return u.into.MkdirAll(rel, 0o700)
	case tar.TypeSymlink:
		return u.into.Symlink(h.Linkname, rel)
	}
	f, err := u.into.OpenFile(rel, os.O_WRONLY|os.O_CREATE|os.O_EXCL|safely, 0o600)
	if err != nil {
		return err
	}
	err = writeExtents(f, h, r)
	if err == nil {
		err = f.Chmod(fs.FileMode(h.Mode).Perm())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", rel, err)
	}
	return u.into.Chtimes(rel, h.ModTime, h.ModTime)
}

func (u *unpacker) finish() error {
	for i := len(u.dirs) - 1; i >= 0; i-- {
		h := u.dirs[i]
		rel := strings.TrimPrefix(strings.TrimSuffix(h.Name, "/"), homePrefix)
		// Its owner must be able to move it into place, and to enter it: a directory that not even he may is not kept so.
		if err := errors.Join(u.into.Chmod(rel, fs.FileMode(h.Mode).Perm()|0o700), u.into.Chtimes(rel, h.ModTime, h.ModTime)); err != nil {
			return err
		}
	}
	return nil
}

// CommitHome moves what the scope covers of a home out of the way and what was prepared in its place. The home itself stays
// the same directory: shells are in it. What was moved is removed by AbortHome, after all have their new things: a student
// may have a million files.
func CommitHome(home *os.Root, scope Scope) error {
	s := saver{home: home}
	old, err := s.names(".")
	if err != nil {
		return err
	}
	old = slices.DeleteFunc(old, func(name string) bool { return !scope.covers(name) })
	if len(old) > 0 {
		if err := home.Mkdir(replaced, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for _, name := range old {
		err = errors.Join(err, moveAway(home, name))
	}
	fresh, readErr := s.names(aside)
	if errors.Is(readErr, fs.ErrNotExist) {
		return err
	}
	if err = errors.Join(err, readErr); readErr != nil {
		return err
	}
	for _, name := range fresh {
		err = errors.Join(err, home.Rename(path.Join(aside, name), name))
	}
	return err
}

// moveAway moves one thing to where it is going to be removed. A directory that is to have another parent must be writable,
// as it says who its parent is: one that belongs to somebody else, in a home that others may write, gets another name only.
func moveAway(home *os.Root, name string) error {
	to := path.Join(replaced, name)
	if home.Rename(name, to) == nil {
		return nil
	}
	if info, err := home.Lstat(name); err == nil && info.IsDir() {
		_ = home.Chmod(name, info.Mode().Perm()|0o700)
	}
	if home.Rename(name, to) == nil {
		return nil
	}
	return home.Rename(name, elsewhere())
}

// elsewhere is a name in a home for what cannot be removed and must not be in the way.
func elsewhere() string { return replaced + "." + rand.Text() }

// AbortHome forgets what was prepared, and what was replaced.
func AbortHome(home *os.Root) error {
	return errors.Join(removeAll(home, aside), removeAll(home, replaced))
}
