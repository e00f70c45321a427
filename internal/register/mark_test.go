package register

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/check"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// TestMark: a word on what sandboxes told before they went, and taken back; the entry that it was given to stays as it is.
func TestMark(t *testing.T) {
	at, look := time.Date(2026, 3, 26, 20, 0, 0, 0, time.UTC), task.Text{"en": "reasons"}
	work := progress.Begin(2, at.Add(-time.Hour))
	work.Answers["essay"], work.States["essay"] = "because", progress.Manual
	e := Entry{Student: "alice", Results: []check.Result{{ID: "other", State: progress.Passed, Points: 1, Given: 1},
		{ID: "essay", State: progress.Manual, Points: 5, Answer: "because", Look: look}}, History: progress.History{progress.Begin(1, at.Add(-2*time.Hour)), work}}
	marked, before, err := e.Mark("essay", "prof", &progress.Mark{Share: 0.6, Comment: "why?"}, at)
	if err != nil || before != nil {
		t.Fatal(before, err)
	}
	decided := task.Text{"fr": "décidé par l'enseignant", "en": "the teacher's decision"}
	want := check.Result{ID: "essay", State: progress.Passed, Points: 5, Given: 3, Answer: "because", Look: look, At: at,
		Mark: &progress.Mark{Share: 0.6, Comment: "why?", By: "prof", At: at}, Seen: decided, Found: decided}
	if diff := cmp.Diff(want, marked.Results[1]); diff != "" {
		t.Error(diff)
	}
	if len(marked.History) != 2 || len(marked.History[1].Said) != 1 || len(e.History[1].Marks) != 0 || e.Results[1].Mark != nil || marked.Results[0].Given != 1 {
		t.Errorf("%+v, of %+v", marked, e)
	}
	back, before, err := marked.Mark("essay", "prof", nil, at)
	if err != nil || before == nil || before.Share != 0.6 || back.Results[1].State != progress.Manual || back.Results[1].Given != 0 {
		t.Errorf("taken back: %v, %+v, %v", before, back.Results[1], err)
	}
	for _, wrong := range []*progress.Mark{{Share: 2}, {Comment: "\x1b"}} {
		if _, _, err := e.Mark("essay", "prof", wrong, at); err == nil {
			t.Errorf("%+v is a mark", wrong)
		}
	}
	if _, _, err := e.Mark("esay", "prof", nil, at); err == nil {
		t.Error("a task that there is not")
	}
	if first, _, err := (Entry{Results: e.Results}).Mark("essay", "", &progress.Mark{}, at); err != nil || first.Results[1].State != progress.Failed {
		t.Errorf("of whom nothing is known: %+v, %v", first, err)
	}
}
