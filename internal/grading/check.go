package grading

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/worksheet"
)

// checksAtOnce bounds how many students of a shared server are checked side by side: their scripts run meanwhile.
const checksAtOnce = 4

// sheet is a student's tasks.
func (g *Grading) sheet(student string) (task.Sheet, error) {
	for _, s := range g.sheets {
		if s.Student == student {
			return s, nil
		}
	}
	return task.Sheet{}, &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("there is no student %q here", student)}
}

// Check implements control.Checker.
func (g *Grading) Check(ctx context.Context, r control.CheckRequest) ([]control.CheckedStudent, error) {
	students := r.Students
	if len(students) == 0 {
		for _, s := range g.sheets {
			students = append(students, s.Student)
		}
	}
	e := g.evidence()
	defer e.close()
	out := make([]control.CheckedStudent, len(students))
	var group errgroup.Group
	group.SetLimit(checksAtOnce)
	for i, student := range students {
		group.Go(func() error {
			results, err := g.checkOne(ctx, e, student, r)
			out[i] = control.CheckedStudent{Student: student, Results: results, Tries: g.ledger.work(student).Tries}
			if r.History {
				out[i].History = g.ledger.history(student)
			}
			return err
		})
	}
	return out, group.Wait()
}

// StartAgain has the work of students count no more whose accounts were all put back to the start.
func (g *Grading) StartAgain(accounts []string) error {
	students := g.wholly(accounts)
	if len(students) == 0 {
		return nil
	}
	err := g.ledger.startAgain(students, g.cfg.Now().UTC()) // first: see keep
	g.arrived.mu.Lock()
	defer g.arrived.mu.Unlock()
	for _, student := range students {
		g.arrived.folder(student).clear()
	}
	g.changes.tell(students...)
	return err
}

// wholly are the students all of whose accounts are among some.
func (g *Grading) wholly(accounts []string) (students []string) {
	for _, s := range g.sheets {
		if !slices.ContainsFunc(s.Accounts, func(a string) bool { return !slices.Contains(accounts, a) }) {
			students = append(students, s.Student)
		}
	}
	return students
}

// Histories are students' works of all epochs, those of everybody when nobody is named.
func (g *Grading) Histories(students []string) map[string]progress.History {
	all := map[string]progress.History{}
	for _, s := range g.sheets {
		if len(students) == 0 || slices.Contains(students, s.Student) {
			all[s.Student] = g.ledger.history(s.Student)
		}
	}
	return all
}

// Adopt implements control.Work.
func (g *Grading) Adopt(_ context.Context, work map[string]progress.History) (adopted []string, err error) {
	adopted = []string{}
	for _, s := range g.sheets {
		kept := work[s.Student]
		if len(kept) == 0 {
			continue
		}
		if err := kept.Check(); err != nil {
			return adopted, &control.Error{Status: http.StatusBadRequest, Text: fmt.Sprintf("%s: %v", s.Student, err)}
		}
		took, err := g.ledger.adopt(s.Student, kept)
		g.unwritten(err)
		if took {
			adopted = append(adopted, s.Student)
		}
	}
	return adopted, nil
}

// Extend implements control.Work.
func (g *Grading) Extend(_ context.Context, e control.Extension) error {
	for _, student := range e.Students {
		if _, err := g.sheet(student); err != nil {
			return err
		}
	}
	for _, s := range g.sheets {
		for _, id := range e.Tasks {
			if !slices.ContainsFunc(s.Tasks, func(t task.Task) bool { return t.ID == id }) {
				return &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("the lab has no task %q", id)}
			}
		}
		if len(e.Students) == 0 || slices.Contains(e.Students, s.Student) {
			g.unwritten(g.ledger.extend(s.Student, e.Tasks, e.By))
		}
	}
	return nil
}

// Resume goes on from a copy of students' work, for those whose accounts were all put back.
func (g *Grading) Resume(accounts []string, work map[string]progress.History, taken time.Time) error {
	var errs []error
	for _, student := range g.wholly(accounts) {
		if saved := work[student]; len(saved) > 0 {
			errs = append(errs, g.ledger.resume(student, saved, taken))
		}
	}
	return errors.Join(errs...)
}

// checkOne evaluates one student's tasks and remembers what passed.
func (g *Grading) checkOne(ctx context.Context, e *evidence, student string, r control.CheckRequest) ([]check.Result, error) {
	s, err := g.sheet(student)
	if err != nil {
		return nil, err
	}
	for _, id := range r.Tasks {
		if !slices.ContainsFunc(s.Tasks, func(t task.Task) bool { return t.ID == id }) {
			return nil, &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("the lab has no task %q", id)}
		}
	}
	if r.NoRuns {
		return g.inPassing(ctx, e, s, r)
	}
	defer g.ledger.alone(student)()
	work, view := g.ledger.work(student), g.view(e, student)
	g.addSystem(&view)
	if !r.Since.IsZero() {
		view.Dialogues = e // what came first has weight, but does not count
		view = view.Since(r.Since)
		maps.DeleteFunc(work.Passed, func(_ string, pass progress.Pass) bool { return pass.At.Before(r.Since) })
		return check.Evaluate(ctx, s, view, work, r.Tasks...), nil
	}
	results := check.Evaluate(ctx, s, view, work, r.Tasks...)
	g.keep(e, student, results, false)
	return results, nil
}

// inPassing waits for nobody's script: tasks that are judged when their evidence comes are looked at, of the others it is
// said how they were found last.
func (g *Grading) inPassing(ctx context.Context, e *evidence, s task.Sheet, r control.CheckRequest) ([]check.Result, error) {
	short, cancel := context.WithTimeout(ctx, patience/2) // a mailbox that somebody holds blinds nobody
	defer cancel()
	results := check.Evaluate(short, s, g.view(e, s.Student), g.ledger.work(s.Student), r.Tasks...)
	quick := onArrival(s, progress.Work{})
	if short.Err() != nil {
		quick = nil
	}
	g.keep(e, s.Student, slices.DeleteFunc(slices.Clone(results), func(one check.Result) bool { return !slices.Contains(quick, one.ID) }), true)
	f := g.arrived.folder(s.Student)
	g.arrived.mu.Lock()
	defer g.arrived.mu.Unlock()
	for i, one := range results {
		if known, ok := f.latest[one.ID]; ok && one.State != progress.Passed && one.Mark == nil && known.Mark == nil && !slices.Contains(quick, one.ID) {
			results[i] = known
		}
	}
	return results, nil
}

// unwritten tells whoever runs the machine that results wait for room: to who is checked it makes no difference.
func (g *Grading) unwritten(err error) {
	if err != nil {
		g.cfg.Log.Error("results are remembered, but not written", "err", err)
	}
}

// original is a file of the lab as it was at the start.
func (g *Grading) original(path string) ([]byte, bool) {
	for _, f := range g.cfg.Spec.Files {
		if f.Path == path {
			return f.Data, true
		}
	}
	return nil, false
}

// ownerOf finds out whose token an answer holds, on a server that others share.
func (g *Grading) ownerOf(student string) func(id, answer string) string {
	return func(id, answer string) string {
		for _, s := range g.sheets {
			for _, t := range s.Tasks {
				if s.Student != student && t.ID == id && holdsToken(&t.Check, answer) {
					return s.Student
				}
			}
		}
		return ""
	}
}

func holdsToken(c *task.Check, answer string) bool {
	for _, part := range c.Walk("") {
		if a := part.Answer; a != nil && task.HoldsToken(answer, a.Token) {
			return true
		}
	}
	return false
}

// Mark implements control.Checker: it keeps the teacher's word, and returns the one that stood before.
func (g *Grading) Mark(_ context.Context, m control.Mark) (before *progress.Mark, err error) {
	s, err := g.sheet(m.Student)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(s.Tasks, func(t task.Task) bool { return t.ID == m.Task }) {
		return nil, &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("the lab has no task %q", m.Task)}
	}
	if err := progress.CheckWord(m.Mark, m.By); err != nil {
		return nil, &control.Error{Status: http.StatusBadRequest, Text: err.Error()}
	}
	before, err = g.ledger.mark(m.Student, m.Task, m.By, m.Mark, g.cfg.Now().UTC())
	g.unwritten(err)
	g.changes.tell(m.Student)
	return before, nil
}

// Progress implements control.Checker: it counts each student's tasks as they were found last, with the teacher's words. It evaluates nothing.
func (g *Grading) Progress() (all []control.Progress) {
	for _, s := range g.sheets {
		var ids []string
		for _, t := range s.Tasks {
			ids = append(ids, t.ID)
		}
		all = append(all, control.Progress{Student: s.Student, Count: g.ledger.work(s.Student).Count(ids...), Total: len(ids)})
	}
	return all
}

// Worksheet implements control.Checker.
func (g *Grading) Worksheet(student string) (http.Handler, error) {
	who, known := g.student(student)
	if !known {
		return nil, &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("there is no student %q here", student)}
	}
	return worksheet.For(desk{g}, who), nil
}
