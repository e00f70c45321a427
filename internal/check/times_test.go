package check

import (
	"strings"
	"testing"
	"time"

	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// TestTimes: before it opens a task is closed, whatever is there; what passes late is a pass that counts as the rule has it, by
// the student's own due time, and what the teacher says is never late.
func TestTimes(t *testing.T) {
	due := task.Moment(noon().Format(time.RFC3339))
	half := &task.Late{Accept: "2d", Worth: 0.5}
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		task  task.Task
		work  progress.Work
		state progress.State
		given float64
		late  time.Duration
		seen  string
	}{
		"closed":            {task: task.Task{Open: task.Moment(noon().Add(time.Hour).Format(time.RFC3339))}, state: progress.Blocked, seen: "opens on 2026-03-26 12:09"},
		"in time":           {task: task.Task{Due: due, Late: half}, work: passedAt(-time.Minute), state: progress.Passed, given: 4},
		"late":              {task: task.Task{Due: due, Late: half}, work: passedAt(day), state: progress.Passed, given: 2, late: day, seen: "late by 1d: it counts for 50 %"},
		"late, no rule":     {task: task.Task{Due: due}, work: passedAt(day), state: progress.Passed, given: 4, late: day, seen: "it counts for 100 %"},
		"too late":          {task: task.Task{Due: due, Late: half}, work: passedAt(3 * day), state: progress.Passed, given: 0, late: 3 * day, seen: "it counts for 0 %"},
		"with more time":    {task: task.Task{Due: due, Late: half}, work: extended(passedAt(day), "", day), state: progress.Passed, given: 4},
		"more for the task": {task: task.Task{Due: due, Late: half}, work: extended(passedAt(day), "it", day), state: progress.Passed, given: 4},
		"more for another":  {task: task.Task{Due: due, Late: half}, work: extended(passedAt(day), "other", day), state: progress.Passed, given: 2, late: day},
		"the teacher's word": {task: task.Task{Due: due, Late: half}, work: progress.Work{Marks: map[string]progress.Mark{"it": {Share: 1, At: noon().Add(3 * day)}}},
			state: progress.Passed, given: 4},
	} {
		c.task.ID, c.task.Points, c.task.Check = "it", 4, task.Check{Manual: &task.Manual{}}
		e := (&world{}).evidence()
		got := Evaluate(t.Context(), task.Sheet{Student: "alice", Tasks: []task.Task{c.task}}, e, c.work)[0]
		if got.State != c.state || got.Given != c.given || got.Late != c.late || !strings.Contains(got.Seen["en"], c.seen) {
			t.Errorf("%s: %s, %v points, late %s: %s", name, got.State, got.Given, got.Late, got.Seen["en"])
		}
		if recalled := Recall([]task.Task{c.task}, c.work)[0]; c.state == progress.Passed && (recalled.Given != got.Given || !recalled.Due.Equal(got.Due)) {
			t.Errorf("%s: recalled as %+v", name, recalled)
		}
		if c.state != progress.Passed || len(c.work.Marks) > 0 {
			continue
		}
		kept := progress.Work{Passed: map[string]progress.Pass{"it": got.Pass()}, Extra: c.work.Extra} // as the sandbox remembers it
		if recalled := Recall([]task.Task{c.task}, kept)[0]; recalled.Seen["en"] != got.Seen["en"] {
			t.Errorf("%s: %q is remembered as %q", name, got.Seen["en"], recalled.Seen["en"])
		}
		kept = extended(kept, "", 9*day)
		if recalled := Recall([]task.Task{c.task}, kept)[0]; recalled.Given != 4 || strings.Contains(recalled.Seen["en"], "late") {
			t.Errorf("%s: with more time %v points: %q", name, recalled.Given, recalled.Seen["en"])
		}
	}
}

func passedAt(after time.Duration) progress.Work {
	return progress.Work{Passed: map[string]progress.Pass{"it": {At: noon().Add(after), Seen: both("vu", "seen")}}}
}

func extended(w progress.Work, id string, by time.Duration) progress.Work {
	w = w.Clone()
	w.Extend(id, by)
	return w
}
