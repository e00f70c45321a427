package mbox

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"time"

	"maillab/internal/mail"
)

// Whole writes messages as a mailbox of their own would hold them: what a reset puts in place of a mailbox. The times of
// deliveries must be set.
func Whole(w io.Writer, ds []mail.Delivery, zone *time.Location) error {
	out := bufio.NewWriter(w)
	for i := range ds {
		if err := compose(out, &ds[i], zone); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Hurry lets nothing wait for a lock that somebody else has on a mailbox, until calm is called: what waits fails with
// ErrLocked. It comes before a Freeze, which waits for what is under way.
func (s *Spool) Hurry() (calm func()) {
	s.hurried.Add(1)
	return func() { s.hurried.Add(-1) }
}

// IndexDir is where the indexes of a user's mailboxes are: files that end in ".index". What else is there is about the
// files as they lie on the disk, and means nothing beside other files. It may be read and replaced while the spool is
// frozen.
func (s *Spool) IndexDir(user string) string { return filepath.Join(s.cfg.StateDir, escape(user)) }

// Forget forgets all that is known of a user's mailboxes: whatever their files hold then gets new UIDs under another
// UIDVALIDITY. Call it while the spool is frozen.
func (s *Spool) Forget(user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.untidy {
		if key.user == user {
			delete(s.untidy, key)
		}
	}
	delete(s.counts, user)
	return os.RemoveAll(s.IndexDir(user))
}
