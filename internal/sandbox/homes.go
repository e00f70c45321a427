//go:build linux

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"maillab/internal/broker"
)

// homes makes homes and mailboxes, and gives them to their users where uids have changed (the sandbox was made anew at
// another address).
type homes struct {
	root    string
	mailGID int
	files   *broker.Files
}

func (h homes) make(ctx context.Context, accounts []account) error {
	skel, err := h.readSkel()
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range accounts {
		if err := h.makeOne(ctx, a, skel); err != nil {
			errs = append(errs, fmt.Errorf("account %s: %w", a.name, err))
		}
	}
	return errors.Join(errs...)
}

func (h homes) makeOne(ctx context.Context, a account, skel map[string][]byte) error {
	if err := h.home(a, skel); err != nil {
		return err
	}
	if err := h.mailbox(a); err != nil {
		return err
	}
	inbox, err := h.files.Open(ctx, a.name, broker.Inbox, os.O_RDWR|os.O_CREATE)
	if errors.Is(err, broker.ErrRefused) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EAGAIN) {
		return nil // what a student made of his mailbox does not keep the sandbox from starting
	}
	if err != nil {
		return err
	}
	return inbox.Close()
}

// home makes sure that a home is there, 0700, the account's.
func (h homes) home(a account, skel map[string][]byte) error {
	path := filepath.Join(h.root, a.home())
	var st unix.Stat_t
	switch err := unix.Lstat(path, &st); {
	case err == unix.ENOENT:
		return h.newHome(path, a, skel)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is not a directory", path)
	case int(st.Uid) == a.uid:
		return nil
	case st.Uid == 0: // an earlier start ended in the middle: of making it, or of giving it away
		return h.finish(path, a, skel)
	}
	return give(unix.AT_FDCWD, path, int(st.Uid), a.uid)
}

// newHome makes a home while it is root's, and gives it away when all is in it.
func (h homes) newHome(path string, a account, skel map[string][]byte) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	return h.finish(path, a, skel)
}

func (h homes) finish(path string, a account, skel map[string][]byte) error {
	for name, text := range skel {
		to := filepath.Join(path, name)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return give(unix.AT_FDCWD, path, -1, a.uid)
}

// readSkel is what every new home begins with, by name.
func (h homes) readSkel() (map[string][]byte, error) {
	skel := filepath.Join(h.root, "/etc/skel")
	entries, err := os.ReadDir(skel)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(skel, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// mailbox gives a mailbox that is another uid's to its account; a missing one is made by the broker.
func (h homes) mailbox(a account) error {
	path := filepath.Join(h.root, "/var/mail", a.name)
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || int(st.Uid) == a.uid {
		return nil
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1 {
		return nil
	}
	return unix.Lchown(path, a.uid, h.mailGID)
}

// give changes the owner of a tree, of what belongs to from (-1: of everything) and to root. It follows no link and
// needs no right but CAP_CHOWN: each directory is made root's, and so readable for root, while it is
// walked, and given to its new owner last. So one whose owner is still the old one, or root, was not finished.
func give(dir int, name string, from, to int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if from >= 0 && int(st.Uid) != from && st.Uid != 0 {
		return nil
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if err := giveContent(dir, name, from, to, st.Mode&0o7777); err != nil {
			return err
		}
	}
	if err := unix.Fchownat(dir, name, to, to, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func giveContent(dir int, name string, from, to int, mode uint32) error {
	if err := unix.Fchownat(dir, name, 0, 0, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if mode&0o700 != 0o700 {
		if err := unix.Fchmodat(dir, name, mode|0o700, 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	handle := os.NewFile(uintptr(fd), name)
	defer handle.Close()
	names, err := handle.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, inner := range names {
		if err := give(fd, inner, from, to); err != nil {
			return err
		}
	}
	return unix.Fchmod(fd, mode)
}
