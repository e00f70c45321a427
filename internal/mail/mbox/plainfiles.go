package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"maillab/internal/mail"
)

// PlainFiles is Files over a directory that nobody else writes to: spool/USER for the spool files, home/USER/ for
// .forward and what else is in the home ("~/zone"), home/USER/mail/ for folders. Everything belongs to the process's own user.
func PlainFiles(dir string) Files { return plainFiles{dir} }

type plainFiles struct{ dir string }

// staleLock is how old a dotlock of an unknown holder must be to be broken: mailutils' own figure is ten minutes.
const staleLock = 10 * time.Minute

// unsignedLock is how old a lock without a process number must be, when nobody has the mailbox open who could have made it:
// mailutils writes none, and sometimes leaves its lock behind.
const unsignedLock = 2 * time.Second

// lockSuffix makes a lock's name of a mailbox's.
const lockSuffix = ".lock"

func (p plainFiles) where(user, box string) (string, error) {
	if user == "" || strings.ContainsAny(user, "/\x00") || user[0] == '.' {
		return "", fmt.Errorf("user %q: %w", user, mail.ErrBadName)
	}
	switch box {
	case Inbox:
		return filepath.Join(p.dir, "spool", user), nil
	case ".forward":
		return filepath.Join(p.dir, "home", user, box), nil
	}
	if own, in := strings.CutPrefix(box, "~/"); in && filepath.IsLocal(own) && (own == "zone" || own == "opendkim.conf" || path.Dir(own) == "dkim") {
		return filepath.Join(p.dir, "home", user, own), nil
	}
	if !filepath.IsLocal(box) || filepath.Clean(box) != box || box == "." {
		return "", fmt.Errorf("folder %q of %s: %w", box, user, mail.ErrBadName)
	}
	return filepath.Join(p.dir, "home", user, "mail", box), nil
}

func (p plainFiles) Open(_ context.Context, user, box string, flag int) (*os.File, error) {
	path, err := p.where(user, box)
	if err != nil {
		return nil, err
	}
	perm := os.FileMode(0o600)
	if box == Inbox {
		perm = 0o660
	}
	if flag&os.O_CREATE != 0 {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		if f, err := openBox(path, flag|os.O_EXCL, perm); err == nil {
			return f, syncDir(filepath.Dir(path)) // its name must be as durable as what will be in it
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return openBox(path, flag&^os.O_CREATE, 0)
}

func (p plainFiles) Remove(_ context.Context, user, box string) error {
	path, err := p.where(user, box)
	if err != nil {
		return err
	}
	return os.Remove(path)
}

func (p plainFiles) Rename(_ context.Context, user, from, to string) error {
	src, err := p.where(user, from)
	if err != nil {
		return err
	}
	dst, err := p.where(user, to)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o700); err != nil {
		return err
	}
	if err := os.Rename(src, dst); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dst))
}

func (p plainFiles) Mkdir(_ context.Context, user, path string) error {
	path, err := p.where(user, path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.Mkdir(path, 0o700)
}

func (p plainFiles) List(_ context.Context, user string) ([]mail.File, error) {
	path, err := p.where(user, "x")
	if err != nil {
		return nil, err
	}
	root := filepath.Dir(path)
	var found []mail.File
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no folder yet, or gone while we walked
		}
		if path != root && err == nil && d.Name()[0] == '.' { // hidden
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if err != nil || path == root || !d.IsDir() && !d.Type().IsRegular() || strings.HasSuffix(path, lockSuffix) {
			return err
		}
		box, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		file := mail.File{Path: filepath.ToSlash(box), Dir: d.IsDir()}
		if info, err := d.Info(); err == nil && !file.Dir {
			file.Size = info.Size()
		}
		found = append(found, file)
		return nil
	})
	slices.SortFunc(found, func(a, b mail.File) int { return strings.Compare(a.Path, b.Path) })
	return found, err
}

func (p plainFiles) Lock(_ context.Context, user, box string) (func(), error) {
	path, err := p.where(user, box)
	if err != nil {
		return nil, err
	}
	path += lockSuffix
	for range 2 {
		err = createLock(path, strconv.Itoa(os.Getpid())+"\n") // as mailutils and procmail look for it
		if err == nil {
			return func() { os.Remove(path) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if !breakStale(path) {
			break
		}
	}
	return nil, fmt.Errorf("%s of %s: %w", box, user, mail.ErrLocked)
}

// createLockInSteps leaves an empty lock when it is killed between the two.
func createLockInSteps(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return err
	}
	_, werr := f.WriteString(text)
	if err := errors.Join(werr, f.Close()); err != nil {
		os.Remove(path)
		return err
	}
	return nil
}

// breakStale moves a lock out of the way whose holder is dead, or unknown and too old. The lock is moved, looked at
// again, and put back when it is another one meanwhile: two processes that break the same lock must not break each
// other's new one.
func breakStale(path string) bool {
	before, err := os.Lstat(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	text, _ := os.ReadFile(path)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	age := time.Since(before.ModTime())
	dead := err == nil && pid > 0 && !alive(pid) ||
		len(text) == 0 && age > unsignedLock && !mayHold(strings.TrimSuffix(path, lockSuffix), age)
	if !dead && age < staleLock {
		return false
	}
	aside := fmt.Sprintf("%s.%d%s", path, os.Getpid(), lockSuffix)
	if os.Rename(path, aside) != nil {
		return true // somebody else was quicker
	}
	defer os.Remove(aside)
	if after, err := os.Lstat(aside); err != nil || os.SameFile(before, after) {
		return true
	}
	_ = os.Link(aside, path) // fails when a third one took the lock: then both believe, once, what each can see
	return false
}

// syncDir makes names in a directory durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
