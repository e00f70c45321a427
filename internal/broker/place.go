//go:build linux

package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Place puts a file into a user's home, at a path relative to it, making directories on the way. What is there already
// is replaced only if replace says so of its content. It tells whether the file was put. It is for labinit; maild has
// no such operation.
func (f *Files) Place(ctx context.Context, user, rel string, mode os.FileMode, text []byte, replace func(old []byte) bool) (put bool, err error) {
	owner, err := f.Lookup(user)
	if err != nil {
		return false, err
	}
	steps := strings.Split(rel, "/")
	p := place{root: inHome, dirs: steps[:len(steps)-1], name: steps[len(steps)-1]}
	for _, step := range steps {
		if step == "" || step == "." || step == ".." {
			return false, refused(syscall.EINVAL, "%s is no path below a home", rel)
		}
	}
	var inner error
	err = f.crew.as(ctx, owner.UID, owner.GID, func() {
		var dir int
		if dir, inner = f.enter(p, owner, true); inner != nil {
			return
		}
		defer unix.Close(dir)
		if put, inner = mayPlace(dir, p.name, owner, replace); put && inner == nil {
			inner = placeFile(dir, p.name, mode.Perm(), text)
		}
	})
	err = errors.Join(err, inner)
	return put && err == nil, err
}

// mayPlace tells whether name is free, or holds what may be replaced.
func mayPlace(dir int, name string, owner Owner, replace func(old []byte) bool) (bool, error) {
	old, err := openPlain(dir, name, unix.O_RDONLY, 0, owner)
	switch {
	case errors.Is(err, syscall.ENOENT):
		return true, nil
	case err != nil:
		return false, err
	}
	defer old.Close()
	text, err := io.ReadAll(io.LimitReader(old, MaxBody))
	return err == nil && replace(text), err
}

// placeFile writes aside and renames.
func placeFile(dir int, name string, mode os.FileMode, text []byte) error {
	aside := ".maillab." + rand.Text()[:12]
	fd, err := unix.Openat(dir, aside, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("making %s: %w", name, err)
	}
	file := os.NewFile(uintptr(fd), name)
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(mode), file.Close())
	if err == nil {
		err = unix.Renameat(dir, aside, dir, name)
	}
	if err != nil {
		_ = unix.Unlinkat(dir, aside, 0)
		return fmt.Errorf("making %s: %w", name, err)
	}
	return nil
}
