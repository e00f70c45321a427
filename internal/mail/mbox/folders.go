package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"maillab/internal/mail"
)

// Folders lists a user's folders, sorted, without INBOX.
func (s *Spool) Folders(ctx context.Context, user string) ([]string, error) {
	boxes, err := s.cfg.Files.List(ctx, user)
	return boxes, classify("listing folders of "+user, err)
}

// Create makes an empty folder; mail.ErrExists when there is one already.
func (s *Spool) Create(ctx context.Context, user, name string) error {
	if err := s.free(ctx, user, name); err != nil {
		return err
	}
	b, err := s.box(user, name)
	if err != nil {
		return err
	}
	aim := aims{kind: writeLock, create: true, verify: true}
	err = b.locked(ctx, aim, func() error { return b.look(ctx) })
	return errors.Join(err, s.release(b))
}

func (s *Spool) free(ctx context.Context, user, name string) error {
	f, err := s.cfg.Files.Open(ctx, user, name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = errors.Join(fs.ErrExist, f.Close())
	}
	return classify(fmt.Sprintf("creating %s of %s", name, user), err)
}

// Delete removes a folder. What it held is forgotten; UIDs of one that is made again under this name go on.
func (s *Spool) Delete(ctx context.Context, user, name string) error {
	b, err := s.box(user, name)
	if err != nil {
		return err
	}
	aim := aims{kind: writeLock, verify: true}
	err = b.locked(ctx, aim, func() error {
		if err := b.load(); err != nil {
			return err
		}
		if err := s.cfg.Files.Remove(ctx, user, b.name); err != nil {
			return classify(b.what("removing"), err)
		}
		b.drop()
		return b.replace(nil, stamp{}, true)
	})
	return errors.Join(err, s.release(b))
}

// Rename gives a folder another name, its UIDs with it; mail.ErrExists when that name is taken. INBOX cannot be renamed:
// copy its messages.
func (s *Spool) Rename(ctx context.Context, user, from, to string) error {
	if from == Inbox || to == Inbox {
		return fmt.Errorf("renaming INBOX of %s: %w", user, mail.ErrBadName)
	}
	if err := s.free(ctx, user, to); err != nil {
		return err
	}
	src, err := s.box(user, from)
	if err != nil {
		return err
	}
	dst, err := s.box(user, to)
	if err != nil {
		return errors.Join(err, s.release(src))
	}
	first, second := src, dst
	if to < from { // one order for everybody, or two renames wait for each other
		first, second = dst, src
	}
	if src != dst {
		done, _ := first.enter(context.Background())
		<-second.turn
		err = s.rename(ctx, src, dst)
		second.turn <- struct{}{}
		done()
	}
	return errors.Join(err, s.release(src), s.release(dst))
}

// rename moves the file and then its index: a crash in between costs a new UIDVALIDITY and nothing else.
func (s *Spool) rename(ctx context.Context, src, dst *box) error {
	if err := errors.Join(src.close(), dst.close()); err != nil {
		return err
	}
	if err := s.cfg.Files.Rename(ctx, src.user, src.name, dst.name); err != nil {
		return classify(src.what("renaming"), err)
	}
	for _, b := range []*box{src, dst} {
		if err := removeIfThere(s.statePath(b.user, b.name, ".tail")); err != nil {
			return err
		}
	}
	err := os.Rename(s.statePath(src.user, src.name, ".index"), s.statePath(dst.user, dst.name, ".index"))
	if errors.Is(err, fs.ErrNotExist) {
		return removeIfThere(s.statePath(dst.user, dst.name, ".index"))
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
