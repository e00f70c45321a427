package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"maillab/internal/mail"
)

// Rename gives a folder, and all that is below it, another name, their UIDs with them; mail.ErrExists when that name is
// taken. INBOX cannot be renamed: copy its messages. Killed in the middle, some have the new name and some the old one.
func (s *Spool) Rename(ctx context.Context, user, from, to string) error {
	what := fmt.Sprintf("renaming %s of %s", from, user)
	if from == Inbox || to == Inbox {
		return fmt.Errorf("%s: %w", what, mail.ErrBadName)
	}
	files, err := s.cfg.Files.List(ctx, user)
	if err != nil {
		return classify(what, err)
	}
	target, err := s.path(ctx, user, to)
	if err != nil {
		return err
	}
	for _, path := range []string{target, target + below} {
		if is, err := s.probe(ctx, user, path); err != nil || is != nothing {
			return errors.Join(err, fmt.Errorf("%s: %w", what, mail.ErrExists))
		}
	}
	moved, folders := false, foldersOf(files)
	for i, f := range folders { // what is below something comes after it
		rest, ok := strings.CutPrefix(f.Name, from)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		if moved = true; f.IsMailbox {
			err = s.renameMailbox(ctx, user, f.Name, to+rest)
		} else if !hasBelow(folders[i:], f.Name) {
			err = s.Create(ctx, user, to+rest, true)
		}
		if err != nil {
			return err
		}
	}
	if !moved {
		return fmt.Errorf("%s: %w", what, mail.ErrNoMailbox)
	}
	if err := s.deleteFolder(ctx, user, from); err != nil && !errors.Is(err, mail.ErrNoMailbox) && !errors.Is(err, mail.ErrNotEmpty) {
		return err
	}
	path, err := s.path(ctx, user, from)
	s.prune(ctx, user, path)
	return err
}

// hasBelow tells whether there is a mailbox below a folder.
func hasBelow(folders []Folder, name string) bool {
	return slices.ContainsFunc(folders, func(f Folder) bool { return f.IsMailbox && strings.HasPrefix(f.Name, name+"/") })
}

func (s *Spool) renameMailbox(ctx context.Context, user, from, to string) error {
	path, err := s.free(ctx, user, to, false)
	if err != nil {
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
	done, _ := first.enter(context.Background())
	<-second.turn
	err = s.rename(ctx, src, dst, path)
	second.turn <- struct{}{}
	done()
	return errors.Join(err, s.release(src), s.release(dst))
}

// rename moves the file and then its index: a crash in between costs a new UIDVALIDITY and nothing else.
func (s *Spool) rename(ctx context.Context, src, dst *box, path string) error {
	if err := errors.Join(src.close(), dst.close()); err != nil {
		return err
	}
	old, err := s.path(ctx, src.user, src.name)
	if err != nil {
		return err
	}
	if err := s.cfg.Files.Rename(ctx, src.user, old, path); err != nil {
		return classify(src.what("renaming"), err)
	}
	for _, b := range []*box{src, dst} {
		if err := removeIfThere(s.statePath(b.user, b.name, ".tail")); err != nil {
			return err
		}
	}
	err = os.Rename(s.statePath(src.user, src.name, ".index"), s.statePath(dst.user, dst.name, ".index"))
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
