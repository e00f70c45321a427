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
	mailGID int
	files   *broker.Files
}

func (h homes) make(ctx context.Context, accounts []account) error {
	skel, err := readSkel()
	if err != nil {
		return err
	}
	all, err := os.Open(homesDir)
	if err != nil {
		return err
	}
	defer all.Close()
	var errs []error
	for _, a := range accounts {
		if err := h.makeOne(ctx, all, a, skel); err != nil {
			errs = append(errs, fmt.Errorf("account %s: %w", a.name, err))
		}
	}
	return errors.Join(errs...)
}

func (h homes) makeOne(ctx context.Context, all *os.File, a account, skel map[string][]byte) error {
	if err := makeHome(int(all.Fd()), a, skel); err != nil {
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

// makeHome makes sure that a home is there among all, 0700, the account's. It is made while it is root's, and given away when
// all is in it. Names are looked up from the directory that is open, not from the root: there an engine's layered file system
// answers for every step.
func makeHome(all int, a account, skel map[string][]byte) error {
	var st unix.Stat_t
	switch err := unix.Fstatat(all, a.name, &st, unix.AT_SYMLINK_NOFOLLOW); {
	case err == unix.ENOENT:
		if err := unix.Mkdirat(all, a.name, 0o700); err != nil {
			return fmt.Errorf("%s: %w", a.home(), err)
		}
	case err != nil:
		return fmt.Errorf("%s: %w", a.home(), err)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is not a directory", a.home())
	case int(st.Uid) == a.uid:
		return nil
	case st.Uid != 0:
		return give(all, a.name, int(st.Uid), a.uid)
	} // else it is new, or an earlier start ended in the middle: of making it, or of giving it away
	if err := fillHome(all, a.name, skel); err != nil {
		return err
	}
	return give(all, a.name, -1, a.uid)
}

// fillHome puts into a home that is root's what is not there yet.
func fillHome(all int, name string, skel map[string][]byte) error {
	home, err := unix.Openat(all, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer unix.Close(home)
	for file, text := range skel {
		if err := putNew(home, file, text); err != nil {
			return fmt.Errorf("%s/%s: %w", name, file, err)
		}
	}
	return nil
}

// putNew writes a file where nothing has its name.
func putNew(dir int, name string, text []byte) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err == unix.EEXIST {
		return nil
	}
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// readSkel is what every new home begins with, by name.
func readSkel() (map[string][]byte, error) {
	entries, err := os.ReadDir(skelDir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(skelDir, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// mailbox gives a mailbox that is another uid's to its account; a missing one is made by the broker.
func (h homes) mailbox(a account) error {
	path := filepath.Join("/var/mail", a.name)
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
