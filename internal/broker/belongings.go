//go:build linux

package broker

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"maillab/internal/belongings"
	"maillab/internal/handoff"
)

// The operations on all that an account owns, for reset, snapshot and restore. save, prepare and commit carry a scope, the
// first two a file that holds the account's archive (package belongings):
//
//	{"id":1,"op":"save","user":"util1","scope":"all","ttl":600} + a file to write to → {"id":1,"text":"[\"what was left out\"]"}
//	{"id":2,"op":"prepare","user":"util1","scope":"mail"} + the archive    → {"id":2}
//	{"id":3,"op":"commit","users":"util1,util2","scope":"mail"}                → {"id":3,"text":"[{\"program\":\"mail\",…}]"}
//	{"id":4,"op":"abort","user":"util1"}                                   → {"id":4}
//	{"id":5,"op":"password","user":"util1","key":"$y$…"}                   → {"id":5}
const (
	opSave     = "save"
	opPrepare  = "prepare"
	opCommit   = "commit"
	opAbort    = "abort"
	opPassword = "password"
)

// Keeper is a Backend that ends who is in the way of a reset, and sets passwords.
type Keeper interface {
	// EndReaders ends the users' programs that have one of their mailboxes open, and tells them so.
	EndReaders(ctx context.Context, users []string) ([]belongings.Ended, error)
	// EndLease ends whoever holds a lease on the user's mailbox.
	EndLease(ctx context.Context, user string) error
	// Password gives an account a new password, as crypt(3) has it.
	Password(ctx context.Context, user, hash string) error
}

// Save writes the archive of what a user owns into a file, and returns what was left out. patience is how long a lock or
// a lease on the mailbox may delay it.
func (c *Client) Save(ctx context.Context, user string, scope belongings.Scope, patience time.Duration, to *os.File) (leftOut []string, err error) {
	a, err := c.ask(ctx, request{Op: opSave, User: user, Scope: string(scope), TTL: patience.Milliseconds()}, to)
	return leftOut, decodeText(a, err, &leftOut)
}

// Prepare puts an archive aside. Nothing of the user's is touched yet.
func (c *Client) Prepare(ctx context.Context, user string, scope belongings.Scope, from *os.File) error {
	_, err := c.ask(ctx, request{Op: opPrepare, User: user, Scope: string(scope)}, from)
	return err
}

// usersAtOnce keeps a commit within a packet.
const usersAtOnce = 200

// Commit puts what was prepared in place, and ends the programs that have the old mailboxes open. It goes on after an
// error: there is no way back.
func (c *Client) Commit(ctx context.Context, users []string, scope belongings.Scope) (ended []belongings.Ended, err error) {
	for chunk := range slices.Chunk(users, usersAtOnce) {
		var some []belongings.Ended
		a, one := c.ask(ctx, request{Op: opCommit, Users: strings.Join(chunk, ","), Scope: string(scope)}, nil)
		err = errors.Join(err, decodeText(a, one, &some))
		ended = append(ended, some...)
	}
	return ended, err
}

// Abort forgets what was prepared and is not in place, and removes what was replaced.
func (c *Client) Abort(ctx context.Context, user string) error {
	_, err := c.ask(ctx, request{Op: opAbort, User: user}, nil)
	return err
}

// Password gives an account a new password, as crypt(3) has it.
func (c *Client) Password(ctx context.Context, user, hash string) error {
	_, err := c.ask(ctx, request{Op: opPassword, User: user, Key: hash}, nil)
	return err
}

func decodeText(a answer, err error, into any) error {
	if err != nil || a.reply.Text == "" {
		return err
	}
	return json.Unmarshal([]byte(a.reply.Text), into)
}

// keep does the operations of this file.
func (s *session) keep(ctx context.Context, req request, body *os.File) (r reply, err error) {
	keeper, ok := s.backend.(Keeper)
	if !ok {
		return r, fmt.Errorf("%s: %w", req.Op, syscall.ENOSYS)
	}
	scope, err := belongings.ParseScope(req.Scope)
	if err != nil {
		return r, err
	}
	if body == nil && (req.Op == opSave || req.Op == opPrepare) {
		return r, fmt.Errorf("no archive is attached: %w", syscall.EINVAL)
	}
	var said any
	switch req.Op {
	case opSave:
		said, err = s.files.save(ctx, req, scope, body, keeper)
	case opPrepare:
		err = s.files.prepare(ctx, req.User, scope, body)
	case opCommit:
		said, err = s.files.commit(ctx, strings.Split(req.Users, ","), scope, keeper)
	case opAbort:
		err = s.files.abort(ctx, req.User)
	case opPassword:
		err = keeper.Password(ctx, req.User, req.Key)
	}
	if err != nil || said == nil {
		return r, err
	}
	text, err := json.Marshal(said)
	if len(text) < handoff.MaxPacket/4 { // what was left out is for a person, who does not read more
		r.Text = string(text)
	}
	return r, err
}

// as runs do on a thread that has a user's identity in the file system, and in the spool its group.
func (f *Files) as(ctx context.Context, user string, spool bool, do func(owner Owner) error) error {
	owner, err := f.Lookup(user)
	if err != nil {
		return err
	}
	gid := owner.GID
	if spool {
		gid = f.MailGID
	}
	var inner error
	err = f.crew.as(ctx, owner.UID, gid, func() { inner = do(owner) })
	return errors.Join(err, inner)
}

// As runs do on a thread that has a user's identity in the file system.
func (f *Files) As(ctx context.Context, user string, do func(owner Owner) error) error {
	return f.as(ctx, user, false, do)
}

// inSpool runs do as the user, who may make files in the spool, and inHome in his home.
func (f *Files) inSpool(ctx context.Context, user string, do func(*os.Root) error) error {
	return f.as(ctx, user, true, func(Owner) error { return within(f.Spool, do) })
}

func (f *Files) inHome(ctx context.Context, user string, do func(*os.Root) error) error {
	return f.as(ctx, user, false, func(owner Owner) error {
		// Who shut himself out of his home is not left out, and does not keep others waiting.
		if info, err := os.Lstat(owner.Home); err == nil && info.Mode().Perm()&0o700 != 0o700 {
			_ = os.Chmod(owner.Home, info.Mode().Perm()|0o700)
		}
		return within(owner.Home, do)
	})
}

func within(dir string, do func(*os.Root) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return do(root)
}

func (f *Files) save(ctx context.Context, req request, scope belongings.Scope, to *os.File, keeper Keeper) (leftOut []string, err error) {
	w, user, patience := tar.NewWriter(to), req.User, time.Duration(req.TTL)*time.Millisecond
	if scope.Inbox() {
		err = f.inSpool(ctx, user, func(spool *os.Root) error {
			return belongings.SaveInbox(ctx, w, spool, user, patience, func() { f.endLease(ctx, user, keeper) })
		})
	}
	if err == nil {
		err = f.inHome(ctx, user, func(home *os.Root) error {
			leftOut, err = belongings.SaveHome(ctx, w, home, scope)
			return err
		})
	}
	return leftOut, errors.Join(err, w.Close())
}

// endLease has a lease ended on a thread that is the user in the spool. What his programs have open is shown only to who has
// his group, too (ptrace(2), access mode checking).
func (f *Files) endLease(ctx context.Context, user string, keeper Keeper) {
	owner, err := f.Lookup(user)
	if err != nil || !(identity{owner.UID, owner.GID}).take() {
		return
	}
	_ = keeper.EndLease(ctx, user) // the copy is tried once more, and says so
	_ = identity{owner.UID, f.MailGID}.take()
}

func (f *Files) prepare(ctx context.Context, user string, scope belongings.Scope, from *os.File) error {
	return errors.Join(
		belongings.Rewound(from, scope.Inbox(), func(r io.Reader) error {
			return f.inSpool(ctx, user, func(spool *os.Root) error { return belongings.PrepareInbox(spool, user, r) })
		}),
		belongings.Rewound(from, true, func(r io.Reader) error {
			return f.inHome(ctx, user, func(home *os.Root) error { return belongings.PrepareHome(home, scope, r) })
		}))
}

// commit ends the readers twice: before, so that none of them writes its picture of the old mailbox anywhere on its way
// out, and after, for one that was started in between. What readers save besides goes to the homes, which come last. A
// reader who is not to be ended keeps nobody's mailbox from being replaced: he has the old one.
func (f *Files) commit(ctx context.Context, users []string, scope belongings.Scope, keeper Keeper) (ended []belongings.Ended, err error) {
	if scope.Inbox() {
		ended, err = keeper.EndReaders(ctx, users)
		for _, user := range users {
			err = errors.Join(err, f.inSpool(ctx, user, func(spool *os.Root) error { return belongings.CommitInbox(spool, user) }))
		}
		more, endErr := keeper.EndReaders(ctx, users)
		ended, err = append(ended, more...), errors.Join(err, endErr)
	}
	for _, user := range users {
		err = errors.Join(err, f.inHome(ctx, user, func(home *os.Root) error { return belongings.CommitHome(home, scope) }))
	}
	return ended, err
}

func (f *Files) abort(ctx context.Context, user string) error {
	return errors.Join(
		f.inSpool(ctx, user, func(spool *os.Root) error { return belongings.AbortInbox(spool, user) }),
		f.inHome(ctx, user, belongings.AbortHome))
}
