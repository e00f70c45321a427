//go:build linux

package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"maillab/internal/mail"
)

// Owner is a user as the file system knows him.
type Owner struct {
	UID, GID int
	Home     string
}

// Files does the file operations, each with the identity of its user. It needs CAP_SETUID and CAP_SETGID when users are
// not the caller himself.
type Files struct {
	Spool   string                           // "/var/mail"
	MailGID int                              // the spool's group: who has it may make files there
	Lookup  func(user string) (Owner, error) // what is not one of the lab's accounts is an error
	crew    *crew
	locks   *locks
	tops    *tops
	walks   chan struct{} // holds a token for each who lists
}

// NewFiles starts the threads that do the work; they end with ctx.
func NewFiles(ctx context.Context, spool string, mailGID int, lookup func(string) (Owner, error)) *Files {
	return &Files{Spool: spool, MailGID: mailGID, Lookup: lookup, crew: newCrew(ctx, 4), locks: newLocks(), tops: &tops{open: map[string]top{}}, walks: make(chan struct{}, 2)}
}

// within finds a user's box and runs do, as that user, in the directory that holds it. create makes missing folders.
func (f *Files) within(ctx context.Context, user, box string, create bool, do func(dir int, name string, owner Owner) error) error {
	owner, err := f.Lookup(user)
	if err != nil {
		return err
	}
	p, err := locate(user, box)
	if err != nil {
		return err
	}
	gid := owner.GID
	if p.root == inSpool {
		gid = f.MailGID
	}
	var inner error
	err = f.crew.as(ctx, owner.UID, gid, func() {
		var dir int
		if dir, inner = f.enter(p, owner, create); inner != nil {
			return
		}
		defer unix.Close(dir)
		inner = do(dir, p.name, owner)
	})
	return errors.Join(err, inner)
}

// enter opens the directory that holds a box, step by step, never through a link. The spool and the homes themselves
// lie in directories of root's and are trusted.
func (f *Files) enter(p place, owner Owner, create bool) (int, error) {
	path := owner.Home
	if p.root == inSpool {
		path = f.Spool + "/."
	}
	top, name, err := f.tops.at(path)
	if err != nil {
		return -1, err
	}
	dir, err := unix.Openat(top, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", path, err)
	}
	for _, step := range p.dirs {
		next, err := enterStep(dir, step, create)
		unix.Close(dir)
		if err != nil {
			return -1, err
		}
		dir = next
	}
	return dir, nil
}

func enterStep(dir int, step string, create bool) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	next, err := unix.Openat(dir, step, flags, 0)
	if err == unix.ENOENT && create {
		if err := unix.Mkdirat(dir, step, 0o700); err != nil && err != unix.EEXIST {
			return -1, fmt.Errorf("making directory %s: %w", step, err)
		}
		next, err = unix.Openat(dir, step, flags, 0)
	}
	if err == unix.ENOTDIR && isLink(dir, step) {
		return -1, refused(unix.ELOOP, "%s is a symbolic link", step)
	}
	if err != nil {
		return -1, fmt.Errorf("%s: %w", step, err)
	}
	return next, nil
}

func isLink(dir int, name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK
}

// allowed are the flags that Open takes.
const allowed = unix.O_ACCMODE | unix.O_CREAT | unix.O_EXCL | unix.O_TRUNC | unix.O_APPEND

// Open is Client.Open, on this side.
func (f *Files) Open(ctx context.Context, user, box string, flag int) (*os.File, error) {
	if flag&^allowed != 0 || flag&unix.O_ACCMODE == unix.O_ACCMODE {
		return nil, fmt.Errorf("flags %#x: %w", flag, syscall.EINVAL)
	}
	var file *os.File
	err := f.within(ctx, user, box, flag&unix.O_CREAT != 0, func(dir int, name string, owner Owner) (err error) {
		mode := uint32(0o600)
		if box == Inbox || box == NewInbox {
			mode = 0o660
		}
		file, err = openPlain(dir, name, flag, mode, owner)
		return err
	})
	return file, err
}

// openPlain opens a plain file of owner's. O_TRUNC is done by hand, after the file was looked at.
func openPlain(dir int, name string, flag int, mode uint32, owner Owner) (*os.File, error) {
	const always = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_NOCTTY
	create := flag & unix.O_CREAT
	fd, err := unix.Openat(dir, name, flag&^(unix.O_CREAT|unix.O_EXCL|unix.O_TRUNC)|always, 0)
	switch {
	case err == nil && create != 0 && flag&unix.O_EXCL != 0:
		unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", name, syscall.EEXIST)
	case err == unix.ENOENT && create != 0:
		return createPlain(dir, name, flag, mode, owner)
	case err == unix.ELOOP:
		return nil, refused(unix.ELOOP, "%s is a symbolic link", name)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := checkPlain(fd, name, owner); err != nil {
		unix.Close(fd)
		return nil, err
	}
	if flag&unix.O_TRUNC != 0 {
		if err := unix.Ftruncate(fd, 0); err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("%s: truncating: %w", name, err)
		}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// createPlain makes the file, which was not there a moment ago. When another was quicker, that one is opened.
func createPlain(dir int, name string, flag int, mode uint32, owner Owner) (*os.File, error) {
	const always = unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err := unix.Openat(dir, name, flag&^unix.O_TRUNC|always, mode)
	if err == unix.EEXIST && flag&unix.O_EXCL == 0 {
		return openPlain(dir, name, flag&^unix.O_CREAT, mode, owner)
	}
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", name, err)
	}
	if err := unix.Fchmod(fd, mode); err != nil { // whatever the umask is
		unix.Close(fd)
		return nil, fmt.Errorf("making %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// checkPlain refuses what is not a regular file with one link that belongs to its user: a FIFO or a device would block
// or do things, a hard link would be somebody's other file, and it may be somebody else's.
func checkPlain(fd int, name string, owner Owner) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch kind := st.Mode & unix.S_IFMT; {
	case kind == unix.S_IFDIR:
		return refused(unix.EISDIR, "%s is a directory", name)
	case kind != unix.S_IFREG:
		return refused(unix.EINVAL, "%s is not a regular file", name)
	case st.Nlink != 1:
		return refused(unix.EMLINK, "%s has %d links", name, st.Nlink)
	case int(st.Uid) != owner.UID:
		return refused(unix.EPERM, "%s belongs to uid %d", name, st.Uid)
	}
	return nil
}

// Remove is Client.Remove, on this side.
func (f *Files) Remove(ctx context.Context, user, box string) error {
	return f.within(ctx, user, box, false, func(dir int, name string, _ Owner) error {
		err := unix.Unlinkat(dir, name, 0)
		if err == unix.EISDIR {
			err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		}
		if err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
		return nil
	})
}

// Mkdir is Client.Mkdir, on this side.
func (f *Files) Mkdir(ctx context.Context, user, box string) error {
	return f.within(ctx, user, box, true, func(dir int, name string, _ Owner) error {
		if err := unix.Mkdirat(dir, name, 0o700); err != nil {
			return fmt.Errorf("making directory %s: %w", name, err)
		}
		return nil
	})
}

// Rename is Client.Rename, on this side.
func (f *Files) Rename(ctx context.Context, user, from, to string) error {
	target, err := locate(user, to)
	if err != nil {
		return err
	}
	source, err := locate(user, from)
	if err != nil {
		return err
	}
	if target.root != source.root {
		return fmt.Errorf("%s to %s: %w", from, to, syscall.EXDEV)
	}
	return f.within(ctx, user, from, false, func(dir int, name string, owner Owner) error {
		newDir, err := f.enter(target, owner, true)
		if err != nil {
			return err
		}
		defer unix.Close(newDir)
		if err := unix.Renameat(dir, name, newDir, target.name); err != nil {
			return fmt.Errorf("renaming %s to %s: %w", name, target.name, err)
		}
		return nil
	})
}

// Bounds on what List looks at, so that a student's tree of a million directories costs nobody but himself.
const (
	maxFolders = 10_000
	maxVisited = 50_000
)

// List is Client.List, on this side.
func (f *Files) List(ctx context.Context, user string) ([]mail.File, error) {
	select {
	case f.walks <- struct{}{}: // two at a time: there are four threads, and a walk may be long
		defer func() { <-f.walks }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var found []mail.File
	err := f.within(ctx, user, "any", false, func(dir int, _ string, owner Owner) error {
		l := lister{owner: owner}
		err := l.walk(ctx, dir, "", 1)
		found = l.found
		return err
	})
	if errors.Is(err, syscall.ENOENT) { // no ~/mail, no folders
		return nil, nil
	}
	slices.SortFunc(found, func(a, b mail.File) int { return strings.Compare(a.Path, b.Path) })
	return found, err
}

// lister collects the folders of one user.
type lister struct {
	owner   Owner
	found   []mail.File
	visited int
}

func (l *lister) walk(ctx context.Context, dir int, prefix string, depth int) error {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", prefix, err)
	}
	handle := os.NewFile(uintptr(fd), prefix)
	defer handle.Close()
	for {
		entries, err := handle.ReadDir(256)
		for _, e := range entries {
			if l.visited++; l.visited > maxVisited || len(l.found) >= maxFolders {
				return fmt.Errorf("more than %d folders or %d files: %w", maxFolders, maxVisited, syscall.E2BIG)
			}
			if err := l.visit(ctx, dir, prefix+e.Name(), e.Name(), depth); err != nil {
				return err
			}
		}
		if err != nil { // io.EOF, or a directory that was removed meanwhile
			return ctx.Err()
		}
	}
}

func (l *lister) visit(ctx context.Context, dir int, path, name string, depth int) error {
	var st unix.Stat_t
	if !isFolder(path) || unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return nil
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if st.Nlink == 1 && int(st.Uid) == l.owner.UID {
			l.found = append(l.found, mail.File{Path: path, Size: st.Size})
		}
	case unix.S_IFDIR:
		if depth >= maxDepth {
			return nil
		}
		l.found = append(l.found, mail.File{Path: path, Dir: true})
		next, err := enterStep(dir, name, false)
		if err != nil {
			return nil // made unreadable, or gone: not a reason to hide the others
		}
		defer unix.Close(next)
		if err := l.walk(ctx, next, path+"/", depth+1); errors.Is(err, syscall.E2BIG) || ctx.Err() != nil {
			return err
		}
	}
	return nil
}
