package maild

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/check"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/safeio"
	"maillab/internal/worksheet"
)

// TestAnswerRefused: an answer to a task that is closed, or has no question, is refused and not kept; closed tasks are
// listed as such before anything was checked, and as open once what they need has passed.
func TestAnswerRefused(t *testing.T) {
	tasks := sheets()
	tasks[0].Tasks = append(tasks[0].Tasks, task.Task{ID: "why", Needs: []string{"sent"}, Check: task.Check{Answer: &task.Answer{Matches: "because"}}})
	b := start(t, 3, class, func(c *Config) { asks(c, tasks...) })
	k := b.grading.Desk()
	state := func(id string) check.Result {
		t.Helper()
		_, results, err := k.Tasks("alice")
		i := slices.IndexFunc(results, func(r check.Result) bool { return r.ID == id })
		if err != nil || i < 0 {
			t.Fatal(results, err)
		}
		return results[i]
	}
	if got := state("why"); got.State != progress.Blocked {
		t.Errorf("before anything was checked: %+v", got)
	}
	closed := worksheet.Closed{}
	if _, err := k.Answer(t.Context(), "alice", "why", "because"); !errors.As(err, &closed) || !slices.Equal(closed.After, []string{"sent"}) {
		t.Errorf("a closed task takes an answer: %v", err)
	}
	if _, err := k.Answer(t.Context(), "alice", "sent", "because"); !errors.Is(err, worksheet.ErrNoQuestion) {
		t.Errorf("a task without a question takes an answer: %v", err)
	}
	if got := state("why"); got.Answer != "" || state("sent").Answer != "" {
		t.Errorf("kept: %+v", got)
	}
	if err := b.send("x", "util1@test"); err != nil {
		t.Fatal(err)
	}
	if r, err := k.Answer(t.Context(), "alice", "why", "because"); err != nil || r.State != progress.Passed {
		t.Errorf("once it is open: %+v, %v", r, err)
	}
	for _, id := range []string{"why", "read", "read", "none"} { // the first one has passed
		_, _ = k.Check(t.Context(), "alice", []string{id})
	}
	checked, err := b.grading.Check(t.Context(), alice())
	if diff := cmp.Diff(map[string]int{"why": 1, "read": 2}, checked[0].Tries); diff != "" || err != nil {
		t.Error(diff, err)
	}
	var kept struct{ Students map[string]progress.History }
	if err := safeio.ReadJSON(filepath.Join(b.cfg.StateDir, "results.json"), &kept); err != nil {
		t.Fatal(err)
	}
	work := kept.Students["alice"].Current()
	if tries := work.Attempts["why"]; len(tries) != 1 || tries[0].State != progress.Passed || tries[0].Answer != "because" {
		t.Errorf("what the tries came to: %+v", work.Attempts)
	}
	if tries := work.Attempts["read"]; len(tries) != 2 || tries[1].State != progress.Failed {
		t.Errorf("what the tries came to: %+v", work.Attempts)
	}
	if got := state("logged"); got.State == progress.Blocked {
		t.Errorf("open, and listed as closed: %+v", got)
	}
}
