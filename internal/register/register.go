// Package register is the class register: what each student of an instance has done on the lab's tasks, in all epochs, as the
// sandboxes told it last. It is kept in the instance's folder, outlives the instance, and is all that check, grades and bundle
// need where nothing runs.
//
// It promises: an entry is as of one time; entries are in the order of seats; times are UTC.
package register

import (
	"cmp"
	"slices"
	"time"

	"maillab/internal/check"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// Entry is one student's.
type Entry struct {
	Seat    int              `json:"seat"`
	Student string           `json:"student"` // roster key
	AsOf    time.Time        `json:"asOf"`    // when the sandbox was asked
	Results []check.Result   `json:"results"` // of the epoch that was under way then
	History progress.History `json:"history"`
}

// Register is a class's.
type Register []Entry

// With has newer entries in place of older ones.
func (r Register) With(entries ...Entry) Register {
	all := slices.Clone(r)
	for _, e := range entries {
		all = append(all.Without(e.Student), e)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Seat, b.Seat), cmp.Compare(a.Student, b.Student)) })
	return all
}

// Without leaves a student out.
func (r Register) Without(student string) Register {
	return slices.DeleteFunc(slices.Clone(r), func(e Entry) bool { return e.Student == student })
}

// Of is a student's entry.
func (r Register) Of(student string) (Entry, bool) {
	for _, e := range r {
		if e.Student == student {
			return e, true
		}
	}
	return Entry{}, false
}

// Some are the entries of these students.
func (r Register) Some(students []string) (some Register) {
	for _, e := range r {
		if slices.Contains(students, e.Student) {
			some = append(some, e)
		}
	}
	return some
}

// AsOf is the time of the oldest entry; zero where there is none.
func (r Register) AsOf() (oldest time.Time) {
	for _, e := range r {
		if oldest.IsZero() || e.AsOf.Before(oldest) {
			oldest = e.AsOf
		}
	}
	return oldest
}

// When names an epoch: by its number, by a time in it, or, when it is zero, the one that is under way.
type When struct {
	Epoch int
	Time  time.Time
}

// Now tells whether the epoch that is under way is meant.
func (w When) Now() bool { return w.Epoch == 0 && w.Time.IsZero() }

// In is how the tasks stood in an epoch; false where the student had none such.
func (e Entry) In(w When) (Entry, bool) {
	if w.Now() {
		return e, true
	}
	work, was := e.History.Of(w.Epoch)
	if !w.Time.IsZero() {
		work, was = e.History.At(w.Time)
	}
	if !was {
		return e, false
	}
	if work.Epoch != e.History.Current().Epoch {
		work.Extra = nil // it is in the results
		e.Results = check.Recall(e.tasks(), work)
	}
	e.History = progress.History{work}
	return e, true
}

// tasks are what results tell of their tasks.
func (e Entry) tasks() (all []task.Task) {
	for _, r := range e.Results {
		all = append(all, taskOf(r))
	}
	return all
}

// taskOf is what a result tells of its task, as it is for this student.
func taskOf(r check.Result) task.Task {
	t := task.Task{ID: r.ID, Title: r.Title, Points: r.Points, Late: r.Rule}
	if !r.Due.IsZero() {
		t.Due = task.Moment(r.Due.Format(time.RFC3339))
	}
	return t
}

// In is In for everybody; whom the epoch is not known of is left out.
func (r Register) In(w When) (some Register) {
	for _, e := range r {
		if in, was := e.In(w); was {
			some = append(some, in)
		}
	}
	return some
}

// Students are those who have an entry.
func (r Register) Students() (keys []string) {
	for _, e := range r {
		keys = append(keys, e.Student)
	}
	return keys
}

// Tasks leaves results of other tasks out; none named are all.
func (r Register) Tasks(ids []string) Register {
	if len(ids) == 0 {
		return r
	}
	some := slices.Clone(r)
	for n, e := range some {
		some[n].Results = slices.DeleteFunc(slices.Clone(e.Results), func(one check.Result) bool { return !slices.Contains(ids, one.ID) })
	}
	return some
}
