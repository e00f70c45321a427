// Package lesson is what lies between two lessons of a sandbox: its starting mail, resets, snapshots and restores, and the
// epoch that a reset begins.
//
// It promises: nothing is touched before everything that is to take its place is there and was checked; a mailbox gets a new
// file, never other octets in the old one, so that a mail reader that has it open spoils only its own; mail that arrives
// meanwhile waits or comes after; what a student's lock delays is delayed for two seconds at most.
//
// In the state directory it keeps started.json ({"accounts":["util1"]}: whose starting mail has been delivered), stage, a
// directory of what is under way, and copies (see copies.go). A sandbox as a tar stream is described in archive.go.
package lesson

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"maillab/internal/belongings"
	"maillab/internal/epoch"
	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/queue"
	"maillab/internal/progress"
	"maillab/internal/recording"
	"maillab/internal/spec"
)

// Belongings copies and replaces what accounts own: the supervisor in a sandbox, the process itself where there are no
// system accounts.
type Belongings interface {
	Save(ctx context.Context, account string, scope belongings.Scope, patience time.Duration, to *os.File) (leftOut []string, err error)
	// Prepare puts an archive aside for accounts that are all to have the same.
	Prepare(ctx context.Context, accounts []string, scope belongings.Scope, from *os.File) error
	Commit(ctx context.Context, accounts []string, scope belongings.Scope) ([]belongings.Ended, error)
	Abort(ctx context.Context, accounts []string) error
}

// Work is what is known of students' work on tasks: package grading's.
type Work interface {
	// StartAgain has what students did so far count no more, whose accounts were all put back within the epoch.
	StartAgain(accounts []string) error
	// Histories are students', those of everybody when nobody is named.
	Histories(students []string) map[string]progress.History
	// Resume goes on from a copy that was taken at a time, for students whose accounts were all put back.
	Resume(accounts []string, work map[string]progress.History, taken time.Time) error
}

// Recordings are what students' terminals showed: a recording.Store.
type Recordings interface {
	List(student string) []recording.Kept
	Read(student, id string, w io.Writer) error
	// PutBack keeps a recording that was read once, unless it is there.
	PutBack(student, id string, last time.Time, in io.Reader) error
}

// Config is what lessons are about. All of it has to be set, but Skel, and Belongings for who neither resets nor saves.
type Config struct {
	Spec       spec.Sandbox
	Zone       *time.Location
	StateDir   string
	LogFile    string // mail.log
	Skel       string // what every home begins with, "/etc/skel"; "" is nothing
	Belongings Belongings
	Spool      *mbox.Spool
	Queue      *queue.Queue
	Epochs     *epoch.Keeper
	FlushLog   func(context.Context) error
	// Subscribed is the file of IMAP's subscriptions, and Subscribe sets all of a user's.
	Subscribed string
	Subscribe  func(user string, names []string) error
	// EndSessions ends the POP3 and IMAP sessions of accounts, and lets nobody log in until reopen is called.
	EndSessions func(of func(account string) bool) (ended int, reopen func())
	Recordings  Recordings
	Work        func() Work // it is asked for when it is needed: whoever has it needs a Between
	Now         func() time.Time
	Log         *slog.Logger
}

// Between is what lies between the lessons of one sandbox.
type Between struct {
	cfg Config

	lifecycle sync.Mutex    // one reset, snapshot or restore at a time
	copying   sync.Mutex    // one copy, or its way back, at a time; before lifecycle
	clearing  chan struct{} // closed when what the last reset replaced is removed; guarded by lifecycle
}

// New clears away what an earlier run left half done.
func New(cfg Config) (*Between, error) {
	l := &Between{cfg: cfg}
	return l, errors.Join(os.RemoveAll(filepath.Join(cfg.StateDir, stageDir)), l.sweepCopies())
}

// newEpoch begins an epoch. Call it when the reset is done: what the log holds then is before.
func (l *Between) newEpoch() error {
	var size int64
	if info, err := os.Stat(l.cfg.LogFile); err == nil {
		size = info.Size()
	}
	return l.cfg.Epochs.Begin(l.cfg.Now().UTC(), size)
}

// Unqueue throws waiting mail away.
func (l *Between) Unqueue(which func(*mail.Envelope) bool) error {
	l.lifecycle.Lock()
	defer l.lifecycle.Unlock()
	release := l.cfg.Queue.Hold()
	_, err := l.cfg.Queue.Discard(which)
	return errors.Join(err, release())
}
