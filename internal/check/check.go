// Package check evaluates a student's tasks over evidence: deliveries, mailboxes, dialogues, mail.log, files, runs of
// scripts, answers, and the teacher's word. It runs inside the sandbox, for the student's lab command and for the
// teacher's maillab check alike; it keeps nothing and touches nothing but what Evidence lets it.
//
// It promises: a result says in French and English what was seen and what is missing, and never the rule itself; what
// passed stays passed for as long as the caller hands the pass back in (progress.Work); a check that cannot be made here
// (files and runs on the embedded engine) blocks its task and says so, it fails nobody.
package check

import (
	"context"
	"crypto/rand"
	"iter"
	"math"
	"strings"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/period"
	"maillab/internal/progress"
)

// Result is where a student stands with a task.
type Result struct {
	ID     string         `json:"id"`
	Title  task.Text      `json:"title"`
	State  progress.State `json:"state"`
	Points int            `json:"points"` // what it is worth
	Given  float64        `json:"given"`  // of them, to a thousandth
	Seen   task.Text      `json:"seen"`
	Hint   task.Text      `json:"hint,omitempty"`   // of a task that has not passed
	Look   task.Text      `json:"look,omitempty"`   // for the teacher: what to look for
	Answer string         `json:"answer,omitempty"` // what the student answered
	Mark   *progress.Mark `json:"mark,omitempty"`   // the teacher's word, from which the state follows
	Open   time.Time      `json:"open,omitzero"`
	Due    time.Time      `json:"due,omitzero"`   // for this student
	Late   time.Duration  `json:"late,omitempty"` // by how much it passed after it was due
	Rule   *task.Late     `json:"rule,omitempty"` // for what is late
	At     time.Time      `json:"at,omitzero"`    // of the pass
	// CopiedFrom is the student whose token the answer carries: for the teacher, as far as it is known here.
	CopiedFrom string `json:"copiedFrom,omitempty"`

	Found task.Text `json:"-"` // what was seen, without what its time makes of it
}

// Pass is what is to be remembered of one that passed: whether it was late is told anew each time, as more time may be given.
func (r Result) Pass() progress.Pass {
	if r.Found == nil {
		return progress.Pass{At: r.At, Seen: r.Seen}
	}
	return progress.Pass{At: r.At, Seen: r.Found}
}

// Evidence is what checks look at, all of it of one epoch. What is nil cannot be looked at here.
type Evidence struct {
	Mails     Mails
	Boxes     Boxes
	Dialogues Dialogues
	Log       Log
	Files     Files
	Runs      Runs
	Zone      *time.Location // of the times in what is said; nil is UTC

	// Originals are the lab's own files, by their path in the sandbox.
	Originals func(path string) ([]byte, bool)
	// Owner says whose token an answer carries that is another student's; "" when it is nobody's.
	Owner func(taskID, answer string) string

	Now    func() time.Time
	Random func() string                                    // a text that is new each time
	Pause  func(ctx context.Context, d time.Duration) error // period.Wait
}

// Mails are the copies of messages that went into mailboxes, in order.
type Mails interface {
	Mails(ctx context.Context) ([]Mail, error)
}

// Mail is one copy.
type Mail struct {
	ID         string // queue ID
	To         string // account
	From       string // the envelope's sender, without brackets
	Recipient  string // as it was typed
	Recipients int    // that the envelope had; 0: not known
	Via        string // smtp, sendmail, or "" for the server's own
	Fixture    bool   // sent by a check: no work of the student's
	At         time.Time
	Open       func() (text []byte, cut bool, err error)
}

// Boxes are mailboxes as they are now.
type Boxes interface {
	Box(ctx context.Context, account, folder string) ([]BoxMessage, error)
}

// BoxMessage is a message in a mailbox.
type BoxMessage struct {
	Flags []string // \Seen …
	Open  func() ([]byte, error)
}

// Dialogues are the connections of this epoch, in order. They come one by one: a student can make so many that they are
// not to be held at once. An error ends them.
type Dialogues interface {
	Dialogues(ctx context.Context, service string) iter.Seq2[dialogue.Dialogue, error]
}

// Log is this epoch's mail.log.
type Log interface {
	Lines(ctx context.Context) ([]string, error)
}

// Files are an account's files. A file that is not there is an fs.ErrNotExist.
type Files interface {
	File(ctx context.Context, account, path string) (File, error)
}

// fill puts what is usual where nothing was given.
func (e *Evidence) fill() {
	if e.Zone == nil {
		e.Zone = time.UTC
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Random == nil {
		e.Random = func() string { return strings.ToLower(rand.Text()[:10]) }
	}
	if e.Pause == nil {
		e.Pause = period.Wait
	}
}

// File is a regular file, at most MaxFile octets of it.
type File struct {
	Text       []byte
	Executable bool
	TooBig     bool
}

// MaxFile is how large a file may be that a check looks into.
const MaxFile = 1 << 20

// sheet is one evaluation of one student's tasks.
type sheet struct {
	task.Sheet
	Evidence
	memory progress.Work
	done   map[string]Result
	open   map[string]bool // being evaluated: a cycle of needs must end
	task   string          // whose check is being evaluated
	copied string          // whose token its answer carries
	letters
	typed map[string]typing // by queue ID
	// running says that the evidence is that of a script which the check itself has started.
	running bool
	about   string // the queue ID of the one message that counts; "": any
}

// Evaluate goes through a student's tasks and returns a result for each, or for each of only (IDs), in the sheet's order.
func Evaluate(ctx context.Context, s task.Sheet, e Evidence, m progress.Work, only ...string) []Result {
	e.fill()
	x := &sheet{Sheet: s, Evidence: e, memory: m, done: map[string]Result{}, open: map[string]bool{}, letters: letters{}}
	results := []Result{}
	for _, t := range s.Tasks {
		if len(only) == 0 || contains(only, t.ID) {
			results = append(results, x.result(ctx, t))
		}
	}
	return results
}

func contains(list []string, one string) bool {
	for _, s := range list {
		if s == one {
			return true
		}
	}
	return false
}

// result evaluates a task once.
func (x *sheet) result(ctx context.Context, t task.Task) Result {
	if r, known := x.done[t.ID]; known {
		return r
	}
	x.open[t.ID] = true
	r := x.judge(ctx, t)
	delete(x.open, t.ID)
	r = About(t, r, x.memory)
	x.done[t.ID] = r
	return r
}

// About completes a verdict with what is to be told of its task.
func About(t task.Task, r Result, w progress.Work) Result {
	r.ID, r.Title, r.Points, r.Answer, r.Found = t.ID, t.Title, t.Points, w.Answers[t.ID], r.Seen
	switch {
	case r.Mark != nil:
		r.Given = r.Mark.Points(t.Points)
	case r.State == progress.Passed:
		r = timed(t, r, w)
	}
	r.Open, r.Due, r.Rule = Opens(t), dueOf(t, w), t.Late
	if r.State != progress.Passed {
		r.Hint = t.Hint
	}
	r.Look = looks(&t.Check)
	return r
}

// Recall tells how tasks stand from what is remembered, without a look at any evidence.
func Recall(tasks []task.Task, w progress.Work) (results []Result) {
	for _, t := range tasks {
		r, known := Known(t, w)
		if !known {
			r = Result{State: w.States[t.ID]}
		}
		results = append(results, About(t, r, w))
	}
	return results
}

// Known is the verdict on a task that follows from no evidence: the teacher's word, or a pass of before.
func Known(t task.Task, w progress.Work) (r Result, known bool) {
	if m, marked := w.Marks[t.ID]; marked {
		return Result{State: m.State(), Mark: &m, Seen: both("décidé par l'enseignant", "the teacher's decision"), At: m.At}, true
	}
	pass, passed := w.Passed[t.ID]
	return Result{State: progress.Passed, Seen: pass.Seen, At: pass.At}, passed
}

// judge decides: what is known already, then what the task needs, then its check.
func (x *sheet) judge(ctx context.Context, t task.Task) Result {
	if r, known := Known(t, x.memory); known {
		return r
	}
	if open := Opens(t); x.Now().Before(open) {
		return Result{State: progress.Blocked, Seen: both("s'ouvre le %s", "opens on %s", open.Format(minute))}
	}
	if missing := x.missing(ctx, t); len(missing) > 0 {
		return Result{State: progress.Blocked, Seen: join(" ; ", both("s'ouvre après : %s", "opens after: %s", strings.Join(missing, ", ")), x.beginWith(ctx, missing))}
	}
	x.task, x.copied = t.ID, ""
	v := x.check(ctx, &t.Check)
	r := Result{State: v.state(), Seen: v.text(), CopiedFrom: x.copied}
	if r.State == progress.Passed {
		r.At = x.Now().UTC()
	}
	return r
}

// missing lists the tasks that t needs and that have not passed.
func (x *sheet) missing(ctx context.Context, t task.Task) (ids []string) {
	for _, id := range t.Needs {
		for _, other := range x.Tasks {
			if other.ID == id && (x.open[id] || x.result(ctx, other).State != progress.Passed) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// beginWith names the task to begin with, where those that are missing wait for others themselves.
func (x *sheet) beginWith(ctx context.Context, missing []string) task.Text {
	first := missing[0]
	for range x.Tasks { // needs may be a cycle
		next := x.missing(ctx, find(x.Tasks, first))
		if len(next) == 0 {
			break
		}
		first = next[0]
	}
	if first == missing[0] {
		return nil
	}
	return both("commencez par %s", "begin with %s", first)
}

func find(tasks []task.Task, id string) task.Task {
	for _, t := range tasks {
		if t.ID == id {
			return t
		}
	}
	return task.Task{}
}

// looks is what a check's manual part tells the teacher.
func looks(c *task.Check) task.Text {
	for _, part := range c.Walk("") {
		if part.Manual != nil {
			return part.Manual.Look
		}
	}
	return nil
}

// Progress counts the tasks that passed, with the points that were given and those that there are.
func Progress(results []Result) (passed int, given float64, most int) {
	for _, r := range results {
		if r.State == progress.Passed {
			passed++
		}
		given += r.Given
		most += r.Points
	}
	return passed, math.Round(given*1000) / 1000, most
}
