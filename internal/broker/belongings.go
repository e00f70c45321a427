//go:build linux

package broker

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
//	{"id":2,"op":"prepare","users":"util1,util2","scope":"mail"} + the archive → {"id":2}
//	{"id":3,"op":"commit","users":"util1,util2","scope":"mail"}                → {"id":3,"text":"[{\"program\":\"mail\",…}]"}
//	{"id":4,"op":"abort","users":"util1,util2"}                            → {"id":4}
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
	// Chosen is the password that a user has given himself, in words that are Choose's alone; "" for none.
	Chosen(user string) (string, error)
	// Choose puts it in force again, unless the user has given himself another, or been given one, since.
	Choose(user, chosen string) error
}

// Save writes the archive of what a user owns into a file, and returns what was left out. patience is how long a lock or
// a lease on the mailbox may delay it.
func (c *Client) Save(ctx context.Context, user string, scope belongings.Scope, patience time.Duration, to *os.File) (leftOut []string, err error) {
	a, err := c.ask(ctx, request{Op: opSave, User: user, Scope: string(scope), TTL: patience.Milliseconds()}, to)
	return leftOut, decodeText(a, err, &leftOut)
}

// Prepare puts an archive aside for users who are all to have the same. Nothing of theirs is touched yet.
func (c *Client) Prepare(ctx context.Context, users []string, scope belongings.Scope, from *os.File) error {
	return inChunks(users, func(some string) error {
		_, err := c.ask(ctx, request{Op: opPrepare, Users: some, Scope: string(scope)}, from)
		return err
	})
}

// usersAtOnce keeps a request within a packet.
const usersAtOnce = 200

// inChunks asks for so many users at a time, whatever becomes of the others.
func inChunks(users []string, ask func(some string) error) (err error) {
	for chunk := range slices.Chunk(users, usersAtOnce) {
		err = errors.Join(err, ask(strings.Join(chunk, ",")))
	}
	return err
}

// Commit puts what was prepared in place, and ends the programs that have the old mailboxes open. It goes on after an
// error: there is no way back.
func (c *Client) Commit(ctx context.Context, users []string, scope belongings.Scope) (ended []belongings.Ended, err error) {
	err = inChunks(users, func(some string) error {
		var theirs []belongings.Ended
		a, err := c.ask(ctx, request{Op: opCommit, Users: some, Scope: string(scope)}, nil)
		err = decodeText(a, err, &theirs)
		ended = append(ended, theirs...)
		return err
	})
	return ended, err
}

// Abort forgets what was prepared and is not in place, and removes what was replaced.
func (c *Client) Abort(ctx context.Context, users []string) error {
	return inChunks(users, func(some string) error {
		_, err := c.ask(ctx, request{Op: opAbort, Users: some}, nil)
		return err
	})
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
	users := strings.Split(req.Users, ",")
	switch req.Op {
	case opSave:
		said, err = s.files.save(ctx, req, scope, body, keeper)
	case opPrepare:
		err = errors.Join(s.files.prepare(ctx, users, scope, body), s.putAside(users, scope, body))
	case opCommit:
		if said, err = s.files.commit(ctx, users, scope, keeper); scope == belongings.All {
			err = errors.Join(err, s.choose(users, keeper))
		}
	case opAbort:
		for _, user := range users {
			s.choice(user, "")
		}
		err = s.files.abort(ctx, users)
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

// putAside keeps the password that is in an archive for its users until their commit.
func (s *session) putAside(users []string, scope belongings.Scope, from *os.File) error {
	if scope != belongings.All {
		return nil
	}
	return belongings.Rewound(from, true, func(r io.Reader) error {
		chosen, err := belongings.PasswordIn(r)
		for _, user := range users {
			s.choice(user, chosen)
		}
		return err
	})
}

// choice keeps a password for a user, "" for none, and tells which there was.
func (s *session) choice(user, next string) (was string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was = s.chosen[user]
	if s.chosen[user] = next; next == "" {
		delete(s.chosen, user)
	}
	return was
}

// choose puts passwords in force that were put aside.
func (s *session) choose(users []string, keeper Keeper) (err error) {
	for _, user := range users {
		if chosen := s.choice(user, ""); chosen != "" {
			err = errors.Join(err, keeper.Choose(user, chosen))
		}
	}
	return err
}

// turn is something that is done as a user in the file system, in the spool with its group.
type turn struct {
	user  string
	spool bool
	do    func(owner Owner) error
}

// take takes turns, one after the other on one thread, whatever becomes of the others.
func (f *Files) take(ctx context.Context, turns ...turn) error {
	var parts []part
	errs := make([]error, len(turns), len(turns)+1)
	for i, t := range turns {
		owner, err := f.Lookup(t.user)
		if errs[i] = err; err != nil {
			continue
		}
		gid := owner.GID
		if t.spool {
			gid = f.MailGID
		}
		parts = append(parts, part{owner.UID, gid, func() { errs[i] = t.do(owner) }})
	}
	if len(parts) > 0 {
		errs = append(errs, f.crew.all(ctx, parts...))
	}
	return errors.Join(errs...)
}

// As runs do on a thread that has a user's identity in the file system.
func (f *Files) As(ctx context.Context, user string, do func(owner Owner) error) error {
	return f.take(ctx, turn{user, false, do})
}

// inSpool is a turn in the spool, where the user may make files, and inHome one in his home.
func (f *Files) inSpool(user string, do func(*os.Root) error) turn {
	return turn{user, true, func(Owner) error {
		spool, err := f.tops.root(f.Spool)
		if err != nil {
			return err
		}
		return do(spool)
	}}
}

func (f *Files) inHome(user string, do func(*os.Root) error) turn {
	return turn{user, false, func(owner Owner) error {
		top, err := f.tops.root(filepath.Dir(owner.Home))
		if err != nil {
			return err
		}
		name := filepath.Base(owner.Home)
		// Who shut himself out of his home is not left out, and does not keep others waiting.
		if info, err := top.Lstat(name); err == nil && info.Mode().Perm()&0o700 != 0o700 {
			_ = top.Chmod(name, info.Mode().Perm()|0o700)
		}
		home, err := top.OpenRoot(name)
		if err != nil {
			return err
		}
		defer home.Close()
		return do(home)
	}}
}

// forEach are turns of several users.
func forEach(users []string, of func(user string) turn) (turns []turn) {
	for _, user := range users {
		turns = append(turns, of(user))
	}
	return turns
}

func (f *Files) save(ctx context.Context, req request, scope belongings.Scope, to *os.File, keeper Keeper) (leftOut []string, err error) {
	buffer := bufio.NewWriter(to)
	w, user, patience := tar.NewWriter(buffer), req.User, time.Duration(req.TTL)*time.Millisecond
	var broken error
	if scope == belongings.All {
		chosen, err := keeper.Chosen(user)
		if broken = err; err == nil {
			broken = belongings.SavePassword(w, chosen)
		}
	}
	err = f.take(ctx, f.inSpool(user, func(spool *os.Root) error {
		if broken == nil && scope.Inbox() {
			broken = belongings.SaveInbox(ctx, w, spool, user, patience, func() { f.endLease(ctx, user, keeper) })
		}
		return broken
	}), f.inHome(user, func(home *os.Root) (err error) {
		if broken == nil {
			leftOut, err = belongings.SaveHome(ctx, w, home, scope)
		}
		return err
	}))
	return leftOut, errors.Join(err, w.Close(), buffer.Flush())
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

func (f *Files) prepare(ctx context.Context, users []string, scope belongings.Scope, from *os.File) error {
	var turns []turn
	for _, user := range users {
		turns = append(turns, f.inSpool(user, func(spool *os.Root) error {
			return belongings.Rewound(from, scope.Inbox(), func(r io.Reader) error { return belongings.PrepareInbox(spool, user, r) })
		}), f.inHome(user, func(home *os.Root) error {
			return belongings.Rewound(from, true, func(r io.Reader) error { return belongings.PrepareHome(home, scope, r) })
		}))
	}
	return f.take(ctx, turns...)
}

// commit ends the readers twice: before, so that none of them writes its picture of the old mailbox anywhere on its way
// out, and after, for one that was started in between. What readers save besides goes to the homes, which come last. A
// reader who is not to be ended keeps nobody's mailbox from being replaced: he has the old one.
func (f *Files) commit(ctx context.Context, users []string, scope belongings.Scope, keeper Keeper) (ended []belongings.Ended, err error) {
	if scope.Inbox() {
		ended, err = keeper.EndReaders(ctx, users)
		err = errors.Join(err, f.take(ctx, forEach(users, func(user string) turn {
			return f.inSpool(user, func(spool *os.Root) error { return belongings.CommitInbox(spool, user) })
		})...))
		more, endErr := keeper.EndReaders(ctx, users)
		ended, err = append(ended, more...), errors.Join(err, endErr)
	}
	return ended, errors.Join(err, f.take(ctx, forEach(users, func(user string) turn {
		return f.inHome(user, func(home *os.Root) error { return belongings.CommitHome(home, scope) })
	})...))
}

// abort takes the users one after the other: the threads that do it are everybody's.
func (f *Files) abort(ctx context.Context, users []string) error {
	var turns []turn
	for _, user := range users {
		turns = append(turns, f.inSpool(user, func(spool *os.Root) error { return belongings.AbortInbox(spool, user) }), f.inHome(user, belongings.AbortHome))
	}
	return f.take(ctx, turns...)
}
