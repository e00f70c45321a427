// Package progress says what is known of a student's work on the tasks of a lab: what passed, what was answered, each try, and
// the teacher's marks. All of it belongs to a student and an epoch: a reset begins the next one, and the earlier ones stay
// readable. Values only: who keeps them is package grading in a sandbox, and the instance's folder as a copy.
//
// It promises: what a student or a teacher can make large is bounded; times are UTC.
package progress

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"maillab/internal/lab/task"
)

// State of a task.
type State string

// States. A task that was not looked at yet has none.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Blocked State = "blocked" // a task that it needs has not passed, or it cannot be checked here
	Manual  State = "manual"  // it waits for the teacher's word
)

// Next is the place of the task to go on with, by the states of all in the lab's order: the first open one after the last that
// has passed, as what lies before it was skipped; else the first of those; -1 where none is open.
func Next(states []State) int {
	last := -1
	for i, s := range states {
		if s == Passed {
			last = i
		}
	}
	if after := slices.Index(states[last+1:], Failed); after >= 0 {
		return last + 1 + after
	}
	return slices.Index(states, Failed)
}

// Pass is a task that a check found passed.
type Pass struct {
	At   time.Time `json:"at"`
	Seen task.Text `json:"seen"`
}

// Attempt is one try of a task: it was answered, or the student had it checked by name.
type Attempt struct {
	At     time.Time `json:"at"`
	State  State     `json:"state"`
	Answer string    `json:"answer,omitempty"` // as it stood then, at most maxTried octets
}

// Work is one student's in one epoch. Keys of maps are tasks' IDs.
type Work struct {
	Epoch    int                      `json:"epoch"` // the student's own, from 1
	Start    time.Time                `json:"start"`
	End      time.Time                `json:"end,omitzero"`      // of one that is over
	Since    time.Time                `json:"since,omitzero"`    // evidence from before does not count: the student alone was put back
	Restored time.Time                `json:"restored,omitzero"` // it went on from a copy that was taken then
	Came     time.Time                `json:"came,omitzero"`     // when the first dialogue began that is surely the student's
	Passed   map[string]Pass          `json:"passed,omitempty"`
	Answers  map[string]string        `json:"answers,omitempty"`
	States   map[string]State         `json:"states,omitempty"`   // as they were found last
	Tries    map[string]int           `json:"tries,omitempty"`    // until the task passed
	Attempts map[string][]Attempt     `json:"attempts,omitempty"` // the first and the last of them
	Marks    map[string]Mark          `json:"marks,omitempty"`    // the teacher's words that stand
	Extra    map[string]time.Duration `json:"extra,omitempty"`    // by which the task is due later for this student; "" is every task
	Said     []Said                   `json:"said,omitempty"`     // the last words, with those that stand no more
}

// Bounds.
const (
	maxAttempts = 30   // of a task
	maxTried    = 1000 // octets of an answer in an attempt
	maxSaid     = 200
)

// Begin is the work of a student of whom nothing is known yet.
func Begin(epoch int, start time.Time) Work { return Work{Epoch: epoch, Start: start}.Clone() }

// Clone shares nothing with w, and none of its maps is nil.
func (w Work) Clone() Work {
	w.Passed, w.Answers, w.States = clone(w.Passed), clone(w.Answers), clone(w.States)
	w.Tries, w.Attempts, w.Marks, w.Extra = clone(w.Tries), clone(w.Attempts), clone(w.Marks), clone(w.Extra)
	for id, attempts := range w.Attempts {
		w.Attempts[id] = slices.Clone(attempts)
	}
	w.Said = slices.Clone(w.Said)
	return w
}

func clone[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return maps.Clone(m)
}

// Empty tells whether nothing was done and nothing said.
func (w Work) Empty() bool {
	return w.Came.IsZero() && len(w.Passed)+len(w.Answers)+len(w.Attempts)+len(w.Tries)+len(w.Marks)+len(w.Said) == 0
}

// Later is by how much a task is due later for the student: what was said of it, else what was said of all.
func (w Work) Later(id string) time.Duration {
	if by, own := w.Extra[id]; own {
		return by
	}
	return w.Extra[""]
}

// Extend makes a task, or "" for all, due so much later than the lab says; 0 is as the lab says. What is said of all takes the
// place of what was said of one.
func (w *Work) Extend(id string, by time.Duration) {
	if id == "" {
		clear(w.Extra)
	}
	if delete(w.Extra, id); by > 0 || w.Extra[""] > 0 {
		w.Extra[id] = by
	}
}

// Count is how much there is of a student's work.
type Count struct {
	Passed  int `json:"passed"`
	Answers int `json:"answers"`
	Marks   int `json:"marks"`
}

// Count counts; of tasks those that are named, or all of which anything is known.
func (w Work) Count(tasks ...string) (c Count) {
	if len(tasks) == 0 {
		tasks = w.Tasks()
	}
	for _, id := range tasks {
		if w.Verdict(id) == Passed {
			c.Passed++
		}
	}
	c.Answers, c.Marks = len(w.Answers), len(w.Marks)
	return c
}

// Tasks are those of which anything is known, in the order of their IDs.
func (w Work) Tasks() []string {
	ids := map[string]bool{}
	for _, some := range []iter.Seq[string]{maps.Keys(w.Passed), maps.Keys(w.Answers), maps.Keys(w.States), maps.Keys(w.Tries), maps.Keys(w.Attempts), maps.Keys(w.Marks)} {
		for id := range some {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// Check says why something is no work that could have been kept here.
func (w Work) Check() error {
	for id, m := range w.Marks {
		if err := m.Check(); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	for id, attempts := range w.Attempts {
		if len(attempts) > maxAttempts {
			return fmt.Errorf("%s: %d attempts", id, len(attempts))
		}
	}
	if len(w.Said) > maxSaid {
		return fmt.Errorf("%d words on tasks", len(w.Said))
	}
	return nil
}

// Verdict is how a task stands without a look at any evidence: the teacher's word first, then a pass, then how it was found last.
func (w Work) Verdict(id string) State {
	if m, marked := w.Marks[id]; marked {
		return m.State()
	}
	if _, passed := w.Passed[id]; passed {
		return Passed
	}
	return w.States[id]
}

// Tried counts a try of a task, and says whether it counts: one that has passed is tried no more.
func (w Work) Tried(id string) bool {
	_, passed := w.Passed[id]
	if !passed {
		w.Tries[id]++
	}
	return !passed
}

// Attempted remembers what a try came to. Of many the first stays, and the last ones.
func (w Work) Attempted(id string, a Attempt) {
	a.Answer = cut(a.Answer, maxTried)
	list := append(w.Attempts[id], a)
	if len(list) > maxAttempts {
		list = slices.Delete(list, 1, 2)
	}
	w.Attempts[id] = list
}
