package belongings

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Plain are the belongings of accounts that are no system accounts: below one directory, in the shape of
// mbox.PlainFiles (spool/ACCOUNT, home/ACCOUNT/), and all the process's own.
type Plain struct{ Dir string }

// Ended is a program that was ended because it had a mailbox open.
type Ended struct {
	Account string `json:"account"`
	Program string `json:"program"`
}

func (p Plain) open(account string) (spool, home *os.Root, err error) {
	if account == "" || !filepath.IsLocal(account) || filepath.Base(account) != account {
		return nil, nil, hostile("account %q", account)
	}
	places := [2]string{filepath.Join(p.Dir, "spool"), filepath.Join(p.Dir, "home", account)}
	var roots [2]*os.Root
	for i, dir := range places {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, nil, err
		}
		if roots[i], err = os.OpenRoot(dir); err != nil {
			return nil, nil, err
		}
	}
	return roots[0], roots[1], nil
}

// within opens an account's places for do.
func (p Plain) within(account string, do func(spool, home *os.Root) error) error {
	spool, home, err := p.open(account)
	if err != nil {
		return err
	}
	defer spool.Close()
	defer home.Close()
	return do(spool, home)
}

// Save writes the archive of an account to a file and returns what was left out. patience is how long somebody's lock on
// the mailbox may delay it.
func (p Plain) Save(ctx context.Context, account string, scope Scope, patience time.Duration, to *os.File) (leftOut []string, err error) {
	err = p.within(account, func(spool, home *os.Root) error {
		buffer := bufio.NewWriter(to)
		w := tar.NewWriter(buffer)
		if scope.Inbox() {
			if err := SaveInbox(ctx, w, spool, account, patience, nil); err != nil {
				return err
			}
		}
		if leftOut, err = SaveHome(ctx, w, home, scope); err != nil {
			return err
		}
		return errors.Join(w.Close(), buffer.Flush())
	})
	return leftOut, err
}

// Prepare puts an archive aside for accounts that are all to have the same; nothing is touched yet.
func (p Plain) Prepare(_ context.Context, accounts []string, scope Scope, from *os.File) error {
	return p.each(accounts, func(account string, spool, home *os.Root) error {
		return errors.Join(Rewound(from, scope.Inbox(), func(r io.Reader) error { return PrepareInbox(spool, account, r) }),
			Rewound(from, true, func(r io.Reader) error { return PrepareHome(home, scope, r) }))
	})
}

// each does it for every account, whatever becomes of the others.
func (p Plain) each(accounts []string, do func(account string, spool, home *os.Root) error) (err error) {
	for _, account := range accounts {
		err = errors.Join(err, p.within(account, func(spool, home *os.Root) error { return do(account, spool, home) }))
	}
	return err
}

// Commit puts what was prepared in place.
func (p Plain) Commit(_ context.Context, accounts []string, scope Scope) ([]Ended, error) {
	return nil, p.each(accounts, func(account string, spool, home *os.Root) (err error) {
		if scope.Inbox() {
			err = CommitInbox(spool, account)
		}
		return errors.Join(err, CommitHome(home, scope))
	})
}

// Abort forgets what was prepared and is not in place, and removes what was replaced.
func (p Plain) Abort(_ context.Context, accounts []string) error {
	return p.each(accounts, func(account string, spool, home *os.Root) error {
		return errors.Join(AbortInbox(spool, account), AbortHome(home))
	})
}

// Rewound reads a file from its beginning, if it is wanted.
func Rewound(f *os.File, wanted bool, read func(io.Reader) error) error {
	if !wanted {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fs.ErrInvalid
	}
	return read(io.NewSectionReader(f, 0, info.Size()))
}
