package register

import (
	"fmt"
	"slices"
	"time"

	"maillab/internal/check"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// Mark is the entry with the teacher's word on a task, of an instance whose sandboxes are gone; nil takes the word back. before
// is the one that stood, nil where there was none.
func (e Entry) Mark(id, by string, m *progress.Mark, at time.Time) (marked Entry, before *progress.Mark, err error) {
	n := slices.IndexFunc(e.Results, func(r check.Result) bool { return r.ID == id })
	if n < 0 {
		return e, nil, fmt.Errorf("%s has no task %q", e.Student, id)
	}
	if err := progress.CheckWord(m, by); err != nil {
		return e, nil, err
	}
	work := e.History.Current().Clone()
	before = work.Mark(id, m, by, at.UTC())
	e.History = append(slices.Clone(e.History[:max(0, len(e.History)-1)]), work)
	e.Results = slices.Clone(e.Results)
	e.Results[n] = recalled(e.Results[n], work)
	return e, before, nil
}

// recalled is a result as it follows from a student's work, with what only the sandbox could tell of its task.
func recalled(was check.Result, work progress.Work) check.Result {
	asTold := work
	asTold.Extra = nil // it is in the results
	now := check.Recall([]task.Task{taskOf(was)}, asTold)[0]
	now.Look, now.CopiedFrom, now.Open = was.Look, was.CopiedFrom, was.Open
	if now.State != progress.Passed {
		now.Hint = was.Hint
	}
	return now
}
