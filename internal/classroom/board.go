package classroom

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/progress"
)

// BoardRow is where one student is.
type BoardRow struct {
	Seat     int       `json:"seat"`
	Student  string    `json:"student"`
	Passed   int       `json:"passed"`
	Total    int       `json:"total"`
	Next     string    `json:"next"` // the task to go on with: see progress.Next
	At       time.Time `json:"at,omitzero"`
	Service  string    `json:"service"`
	Command  string    `json:"command"`
	Error    string    `json:"error,omitempty"`
	Progress time.Time `json:"progress,omitzero"` // when a task passed last; the epoch's start when none has
}

// Standing is what board -o json prints.
type Standing struct {
	Instance string     `json:"instance"`
	Students []BoardRow `json:"students"`
}

// Board asks all sandboxes side by side. One that does not answer is left out, and told.
func Board(ctx context.Context, i deploy.Running, client *control.Client, people instance.People) (rows []BoardRow, failed map[int]error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	var mu sync.Mutex
	failed = instance.Each(ctx, i.Sandboxes, func(ctx context.Context, s instance.Sandbox) error {
		checked, err := client.Seat(s.Seat).Check(ctx, control.CheckRequest{NoRuns: true})
		if err != nil {
			return err
		}
		activity, err := client.Seat(s.Seat).Activity(ctx)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		results := map[string][]check.Result{} // the class may change between the two questions
		for _, c := range checked {
			results[c.Student] = c.Results
		}
		for _, act := range activity {
			rows = append(rows, boardRowOf(people.Seat(act.Student, s), act, results[act.Student]))
		}
		return nil
	})
	slices.SortStableFunc(rows, StuckFirst)
	return rows, failed
}

func boardRowOf(seat int, act control.Activity, results []check.Result) BoardRow {
	row := BoardRow{Seat: seat, Student: act.Student, Total: len(results), At: act.At, Service: act.Service, Command: act.Command, Error: act.Error, Progress: act.Passed}
	if row.Progress.IsZero() {
		row.Progress = act.Started
	}
	row.Passed, _, _ = check.Progress(results)
	states := make([]progress.State, len(results))
	for i, r := range results {
		states[i] = r.State
	}
	if next := progress.Next(states); next >= 0 {
		row.Next = results[next].ID
	}
	return row
}

// StuckFirst puts who has got on least lately first, and who is through last.
func StuckFirst(x, y BoardRow) int {
	through := func(r BoardRow) int { return map[bool]int{true: 1}[r.Passed == r.Total] }
	minute := func(t time.Time) time.Time { return t.Truncate(time.Minute) } // as it is shown: who did nothing stays by seat
	return cmp.Or(cmp.Compare(through(x), through(y)), minute(x.Progress).Compare(minute(y.Progress)), cmp.Compare(x.Passed, y.Passed),
		cmp.Compare(x.Seat, y.Seat), strings.Compare(x.Student, y.Student))
}
