// Package grading is what a daemon knows of its students' work: the evidence (dialogues, deliveries, mail.log, mailboxes),
// what checks found in it, the answers that students gave and the teacher's words. It serves the student's lab command and
// the controller alike.
//
// It promises: evidence is judged when it comes, and what passed stays passed for the epoch, whatever is pushed out of a
// record afterwards; whoever makes much evidence makes nobody else wait; nothing waits for a script but who had it run.
//
// In the state directory it keeps results.json: see ledger.
package grading

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"maillab/internal/delivery"
	"maillab/internal/dialogue"
	"maillab/internal/epoch"
	"maillab/internal/lab/task"
	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/queue"
	"maillab/internal/mail/senders"
	"maillab/internal/recording"
	"maillab/internal/spec"
	"maillab/internal/worksheet"
	"maillab/internal/zone"
)

// Domain is a server's own, in a lab between servers.
type Domain interface {
	Zone(ctx context.Context) (zone.Report, error)
	Signing(ctx context.Context) senders.Report
	// Explain tells how a message is judged.
	Explain(ctx context.Context, message []byte) []senders.Step
}

// Config is where evidence comes from. All of it has to be set, but Students.
type Config struct {
	Spec       spec.Sandbox
	Zone       *time.Location
	StateDir   string
	LogFile    string // mail.log
	FlushLog   func(context.Context) error
	Logged     <-chan struct{} // there is more in mail.log
	Dialogues  *dialogue.Store
	Deliveries *delivery.Store
	Screens    *recording.Store
	Epochs     *epoch.Keeper
	Spool      *mbox.Spool
	Files      mbox.Files
	Post       Post
	Unqueue    func(which func(*mail.Envelope) bool) error // throws waiting mail away
	Fixtures   *Fixtures
	Students   Students                                  // their files and programs; nil: there are none
	Domain     Domain                                    // the server's own; nil: it has none
	Server     func(run *bool) (worksheet.Server, error) // the student's own, which with run is started or stopped
	UID        func(account string) int
	Now        func() time.Time
	Log        *slog.Logger
}

// Post is the queue, for mail that a check sends.
type Post interface {
	NewID() string
	Complete(address string) string
	Accept(ctx context.Context, e *mail.Envelope, body io.Reader) error
	List() []queue.Item
}

// Grading judges the students of one sandbox.
type Grading struct {
	cfg    Config
	sheets []task.Sheet
	ledger *ledger
	uids   map[int]string // the students of accounts

	changes changes

	arrived arrivals
}

// New reads the tasks of the spec, and what is remembered of students' work. What the records hold is weighed when it is
// looked at first.
func New(cfg Config) (*Grading, error) {
	sheets, err := task.Sheets(cfg.Spec.Tasks)
	if err != nil {
		return nil, err
	}
	l, err := openLedger(filepath.Join(cfg.StateDir, "results.json"), cfg.Epochs.Current)
	g := &Grading{cfg: cfg, sheets: sheets, ledger: l, uids: map[int]string{}, arrived: arrivals{wake: make(chan struct{}, 1)}}
	for _, s := range sheets {
		f, foldErr := newFolder(s)
		g.arrived.folders, err = append(g.arrived.folders, f), errors.Join(err, foldErr)
	}
	for _, a := range cfg.Spec.Accounts {
		if a.Student != "" {
			g.uids[cfg.UID(a.Name)] = a.Student
		}
	}
	return g, err
}

// Close lets go of files.
func (g *Grading) Close() { g.arrived.log.close() }
