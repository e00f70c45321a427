package check

import (
	"fmt"
	"time"

	"maillab/internal/lab/task"
	"maillab/internal/period"
	"maillab/internal/progress"
)

// minute is how times are told to students: those of a task are in the lab's zone.
const minute = "2006-01-02 15:04"

// Opens is when a task opens; the zero time where it always was. A lab that is compiled has no moment that cannot be read.
func Opens(t task.Task) time.Time {
	open, _ := t.Open.In(time.UTC)
	return open
}

// dueOf is until when a task is to pass, for a student; the zero time where it never is.
func dueOf(t task.Task, w progress.Work) time.Time {
	due, _ := t.Due.In(time.UTC)
	if due.IsZero() {
		return due
	}
	return due.Add(w.Later(t.ID))
}

// timed gives a pass the points that it has by its time, and tells of it when it was late. A late pass is a pass: tasks that
// need it open.
func timed(t task.Task, r Result, w progress.Work) Result {
	share := 1.0
	if due := dueOf(t, w); !due.IsZero() && r.At.After(due) {
		r.Late = r.At.Sub(due).Round(time.Second)
		share = t.Late.Share(r.Late)
		r.Seen = join(" ; ", r.Seen, both("en retard de %s : compte pour %s", "late by %s: it counts for %s", period.Format(r.Late.Truncate(time.Minute)), percent(share)))
	}
	r.Given = progress.Share(share, t.Points)
	return r
}

func percent(share float64) string { return fmt.Sprintf("%.4g %%", share*100) }
