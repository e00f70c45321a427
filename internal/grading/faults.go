package grading

import (
	"slices"

	"maillab/internal/check"
	"maillab/internal/fault"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// Faults are those of the tasks that a student is at: open, and not passed. What is known of the student's work decides; nothing
// is looked at anew.
func (g *Grading) Faults(student string) (at []fault.Task) {
	i := slices.IndexFunc(g.sheets, func(s task.Sheet) bool { return s.Student == student })
	if i < 0 || !slices.ContainsFunc(g.sheets[i].Tasks, func(t task.Task) bool { return len(t.Faults) > 0 }) {
		return nil
	}
	s, now := g.sheets[i], g.cfg.Now()
	results := check.Recall(s.Tasks, g.ledger.work(student))
	for i, t := range s.Tasks {
		if len(t.Faults) > 0 && results[i].State != progress.Passed && !now.Before(check.Opens(t)) && !lacks(t, results) {
			at = append(at, fault.Task{ID: t.ID, Faults: t.Faults})
		}
	}
	return at
}
