package register

import (
	"cmp"
	"slices"
	"time"

	"maillab/internal/check"
	"maillab/internal/progress"
)

// Story is one task in one epoch of a student: how it came to stand as it does.
type Story struct {
	Task     string             `json:"id"`
	State    progress.State     `json:"state"` // "": nothing is known of it
	At       time.Time          `json:"at,omitzero"`
	Took     time.Duration      `json:"-"` // from the pass before it, or the first try, or the epoch's beginning
	Seconds  int                `json:"tookSeconds,omitempty"`
	Late     int                `json:"lateSeconds,omitempty"` // by how much it passed after it was due, as the student has time now
	Tries    int                `json:"tries,omitempty"`
	Attempts []progress.Attempt `json:"attempts,omitempty"`
	Mark     *progress.Mark     `json:"mark,omitempty"`
	Said     []progress.Said    `json:"said,omitempty"` // all words on it, those that stand no more among them
}

// Chapter is an epoch.
type Chapter struct {
	Epoch    int       `json:"epoch"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end,omitzero"`      // zero: it is under way
	Restored time.Time `json:"restored,omitzero"` // it went on from a copy of then
	Passed   int       `json:"passed"`
	Tasks    []Story   `json:"tasks"`
}

// Chapters are all epochs, oldest first, those in which nothing was done among them. In each, tasks that passed come in the order in which they
// did, then the others in the lab's.
func (e Entry) Chapters() []Chapter {
	all := []Chapter{}
	inLab := func(a, b Story) int { return cmp.Compare(e.place(a.Task), e.place(b.Task)) }
	for _, w := range e.History.Whole() {
		c := Chapter{Epoch: w.Epoch, Start: w.Start, End: w.End, Restored: w.Restored, Passed: w.Count().Passed, Tasks: []Story{}}
		for _, id := range w.Tasks() {
			c.Tasks = append(c.Tasks, storyOf(w, id))
		}
		e.late(w, c.Tasks)
		slices.SortStableFunc(c.Tasks, inLab)
		slices.SortStableFunc(c.Tasks, byPass)
		last := w.Start
		for n := range c.Tasks {
			last = c.Tasks[n].take(last)
		}
		all = append(all, c)
	}
	return all
}

// late tells of tasks that passed in an epoch after they were due.
func (e Entry) late(w progress.Work, stories []Story) {
	w.Extra = nil // it is in the results
	for _, r := range check.Recall(e.tasks(), w) {
		for n := range stories {
			if stories[n].Task == r.ID {
				stories[n].Late = int(r.Late / time.Second)
			}
		}
	}
}

// place is where the lab has a task; one that it has no more comes last.
func (e Entry) place(id string) int {
	if n := slices.IndexFunc(e.Results, func(r check.Result) bool { return r.ID == id }); n >= 0 {
		return n
	}
	return len(e.Results)
}

func storyOf(w progress.Work, id string) Story {
	s := Story{Task: id, State: w.Verdict(id), At: w.Passed[id].At, Tries: w.Tries[id], Attempts: w.Attempts[id]}
	if m, marked := w.Marks[id]; marked {
		s.Mark = &m
	}
	for _, said := range w.Said {
		if said.Task == id {
			s.Said = append(s.Said, said)
		}
	}
	return s
}

// byPass puts what passed first, in the order in which it did.
func byPass(a, b Story) int {
	return cmp.Or(cmp.Compare(b2i(a.At.IsZero()), b2i(b.At.IsZero())), a.At.Compare(b.At))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// take finds out how long the student was at a task, who was free for it since last, and returns since when for the next.
func (s *Story) take(last time.Time) time.Time {
	if s.At.IsZero() || s.At.Before(last) {
		return last
	}
	since := last
	if len(s.Attempts) > 0 && s.Attempts[0].At.After(since) && s.Attempts[0].At.Before(s.At) {
		since = s.Attempts[0].At
	}
	s.Took = s.At.Sub(since).Truncate(time.Second)
	s.Seconds = int(s.Took / time.Second)
	return s.At
}
