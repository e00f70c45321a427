package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"maillab/internal/mail"
)

// How folders lie below a user's ~/mail. A mailbox is a file, and what has mailboxes below it is a directory:
//
//	work              the mailbox work
//	2026/march        the mailbox 2026/march; 2026 is no mailbox, it only has others below it
//	work.d/2026       the mailbox work/2026, for work is a mailbox itself and its name is taken
//	INBOX.d/friends   the mailbox INBOX/friends
//
// So each mailbox is a file that mail -f and its like open by its name, as before mailboxes could have others below them.
// A directory becomes NAME.d when a mailbox NAME is made; it stays so. A name cannot end in ".d" where that would lead to
// another name's directory.

// below is what a directory's name ends in when a mailbox has its name.
const below = ".d"

// Folder is a mailbox, or what mailboxes are below.
type Folder struct {
	Name      string // "work/2026"
	IsMailbox bool   // false: it only has others below it
}

// kind is what is at a path.
type kind int

const (
	nothing kind = iota
	aFile
	aDirectory
)

// probe looks what is at a path below ~/mail.
func (s *Spool) probe(ctx context.Context, user, path string) (kind, error) {
	if path == Inbox {
		return aFile, nil
	}
	f, err := s.cfg.Files.Open(ctx, user, path, os.O_RDONLY)
	switch {
	case errors.Is(err, syscall.EISDIR):
		return aDirectory, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nothing, nil
	case isBusy(err), errors.Is(err, fs.ErrPermission), isRefused(err): // under a lease, made unreadable, a link
		return aFile, nil
	case err != nil:
		return nothing, classify("looking for "+path+" of "+user, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return aDirectory, nil
	}
	return aFile, err
}

// path is where a mailbox lies, or would lie.
func (s *Spool) path(ctx context.Context, user, name string) (string, error) {
	dir, last := "", name
	for {
		parent, rest, nested := strings.Cut(last, "/")
		if !nested {
			return dir + last, nil
		}
		own, err := s.directory(ctx, user, dir+parent)
		if err != nil {
			return "", err
		}
		dir, last = own+"/", rest
	}
}

// directory is where what is below something lies, or would lie.
func (s *Spool) directory(ctx context.Context, user, path string) (string, error) {
	is, err := s.probe(ctx, user, path)
	if is == nothing && err == nil {
		if is, err = s.probe(ctx, user, path+below); is != aDirectory {
			return path, err
		}
		return path + below, err
	}
	if is == aFile {
		path += below
	}
	return path, err
}

// shaping lets directories be made, moved and removed, until done is called.
func (s *Spool) shaping() (done func()) {
	s.gate.RLock()
	s.tree.Lock()
	return func() {
		s.tree.Unlock()
		s.gate.RUnlock()
	}
}

// Folders lists a user's mailboxes but INBOX, and the folders that they are in, sorted.
func (s *Spool) Folders(ctx context.Context, user string) ([]Folder, error) {
	files, err := s.cfg.Files.List(ctx, user)
	if err != nil {
		return nil, listingFailed(user, err)
	}
	return foldersOf(files), nil
}

// listingFailed: who has more folders than a broker counts has too many.
func listingFailed(user string, err error) error {
	if errors.Is(err, syscall.E2BIG) {
		err = fmt.Errorf("%w: %w", mail.ErrTooBig, err)
	}
	return classify("listing folders of "+user, err)
}

func foldersOf(files []mail.File) []Folder {
	dirs := map[string]bool{}
	for _, f := range files {
		dirs[f.Path] = f.Dir
	}
	found := map[string]bool{}
	for _, f := range files {
		name := nameOf(f, dirs)
		found[name] = found[name] || !f.Dir
	}
	delete(found, Inbox)
	folders := make([]Folder, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		folders = append(folders, Folder{name, found[name]})
	}
	return folders
}

// nameOf is what a file or directory is called.
func nameOf(f mail.File, dirs map[string]bool) string {
	name, at := "", 0
	for i := 0; i <= len(f.Path); i++ {
		if i < len(f.Path) && f.Path[i] != '/' {
			continue
		}
		step := f.Path[at:i]
		if short, cut := strings.CutSuffix(step, below); cut && short != "" && (i < len(f.Path) || f.Dir) && !dirs[f.Path[:at]+short] {
			step = short
		}
		if at > 0 {
			name += "/"
		}
		name += step
		at = i + 1
	}
	return name
}

// Used is how many octets a user's mailboxes take.
func (s *Spool) Used(ctx context.Context, user string) (octets int64, err error) {
	files, err := s.cfg.Files.List(ctx, user)
	if err != nil {
		return 0, listingFailed(user, err)
	}
	for _, f := range files {
		octets += f.Size
	}
	inbox, err := s.stampOf(ctx, user)
	return octets + inbox.size, err
}

// Create makes an empty mailbox, or a folder that only has others below it; mail.ErrExists when there is one already.
func (s *Spool) Create(ctx context.Context, user, name string, onlyBelow bool) error {
	path, err := s.free(ctx, user, name, onlyBelow)
	if err != nil {
		return err
	}
	if onlyBelow {
		return classify(fmt.Sprintf("creating %s of %s", name, user), s.cfg.Files.Mkdir(ctx, user, path))
	}
	b, err := s.box(user, name)
	if err != nil {
		return err
	}
	aim := aims{kind: writeLock, create: true, verify: true}
	err = b.locked(ctx, aim, func() error { return b.look(ctx) })
	return errors.Join(err, s.release(b))
}

// free makes room for a mailbox and says where it will lie: a directory of its name moves out of the way.
func (s *Spool) free(ctx context.Context, user, name string, onlyBelow bool) (string, error) {
	what := fmt.Sprintf("creating %s of %s", name, user)
	for step := range strings.SplitSeq(name, "/") {
		if strings.HasSuffix(step, below) {
			return "", fmt.Errorf("%s: a name that ends in %s: %w", what, below, mail.ErrBadName)
		}
	}
	defer s.shaping()()
	path, err := s.path(ctx, user, name)
	if err != nil {
		return "", err
	}
	is, err := s.probe(ctx, user, path)
	beside, also := s.probe(ctx, user, path+below)
	switch err = errors.Join(err, also); {
	case err != nil:
		return "", err
	case is == aFile, onlyBelow && (is == aDirectory || beside == aDirectory):
		return "", fmt.Errorf("%s: %w", what, mail.ErrExists)
	case is == aDirectory && beside != nothing:
		return "", fmt.Errorf("%s: %s%s is in the way: %w", what, path, below, mail.ErrBadName)
	case is == aDirectory:
		err = s.cfg.Files.Rename(ctx, user, path, path+below)
	}
	return path, classify(what, err)
}

// Delete removes a mailbox: what it held is forgotten, UIDs of one that is made again under this name go on, and what is
// below it stays. Or it removes a folder that is no mailbox: mail.ErrNotEmpty when it has some below it.
func (s *Spool) Delete(ctx context.Context, user, name string) error {
	path, err := s.path(ctx, user, name)
	if err != nil {
		return err
	}
	is, err := s.probe(ctx, user, path)
	if err != nil {
		return err
	}
	if is == aFile {
		err = s.deleteMailbox(ctx, user, name)
	} else {
		err = s.deleteFolder(ctx, user, name)
	}
	if err == nil {
		s.prune(ctx, user, path)
	}
	return err
}

func (s *Spool) deleteMailbox(ctx context.Context, user, name string) error {
	b, err := s.box(user, name)
	if err != nil {
		return err
	}
	aim := aims{kind: writeLock, verify: true}
	err = b.locked(ctx, aim, func() error {
		if err := b.load(); err != nil {
			return err
		}
		if err := s.cfg.Files.Remove(ctx, user, b.path); err != nil {
			return classify(b.what("removing"), err)
		}
		b.drop()
		return b.replace(nil, stamp{}, true)
	})
	return errors.Join(err, s.release(b))
}

// deleteFolder removes a directory, and the empty ones in it.
func (s *Spool) deleteFolder(ctx context.Context, user, name string) error {
	what := fmt.Sprintf("removing %s of %s", name, user)
	files, err := s.cfg.Files.List(ctx, user)
	if err != nil {
		return classify(what, err)
	}
	defer s.shaping()()
	path, err := s.path(ctx, user, name)
	if err != nil {
		return err
	}
	if path, err = s.directory(ctx, user, path); err != nil {
		return err
	}
	found := false
	for _, f := range slices.Backward(files) { // what is in a directory comes after it
		switch {
		case f.Path != path && !strings.HasPrefix(f.Path, path+"/"):
			continue
		case !f.Dir:
			return fmt.Errorf("%s: %w", what, mail.ErrNotEmpty)
		}
		found = true
		if err := s.cfg.Files.Remove(ctx, user, f.Path); errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
			return fmt.Errorf("%s: %w: %w", what, mail.ErrNotEmpty, err)
		} else if err != nil {
			return classify(what, err)
		}
	}
	if !found {
		return fmt.Errorf("%s: %w", what, mail.ErrNoMailbox)
	}
	return nil
}

// prune removes the directories that something was the last in. One that cannot be removed has something in it.
func (s *Spool) prune(ctx context.Context, user, path string) {
	defer s.shaping()()
	for {
		at := strings.LastIndexByte(path, '/')
		if at < 0 {
			return
		}
		if path = path[:at]; s.cfg.Files.Remove(ctx, user, path) != nil {
			return
		}
	}
}
