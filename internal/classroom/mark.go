package classroom

import (
	"context"
	"errors"
	"fmt"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/progress"
	"maillab/internal/register"
)

// Mark has a sandbox keep the teacher's word on a task, and returns the one that stood before, nil where there was none. What is
// known of the student then is entered in the folder's register.
func Mark(ctx context.Context, i deploy.Running, h *instance.Held, s instance.Sandbox, m control.Mark, now time.Time) (before *progress.Mark, err error) {
	client := i.Client()
	defer client.Close()
	before, err = client.Seat(s.Seat).Mark(ctx, m)
	if err != nil {
		return nil, err
	}
	seats, err := h.Seats()
	if err == nil && len(seats) == 0 { // it was brought up elsewhere: nothing of its students is kept here
		return before, nil
	}
	checked, checkErr := client.Seat(s.Seat).Check(ctx, control.CheckRequest{Students: []string{m.Student}, NoRuns: true, History: true})
	if err = errors.Join(err, checkErr); err == nil {
		for _, c := range checked {
			err = errors.Join(err, h.Enter(entryOf(c, i.People(seats).Seat(c.Student, s), now)))
		}
	}
	if err != nil {
		return before, fmt.Errorf("the sandbox has the mark, the folder has not: %w", err)
	}
	return before, nil
}

// MarkKept keeps the teacher's word on a task of an instance of which nothing runs: in the folder's register.
func MarkKept(h *instance.Held, m control.Mark, now time.Time) (before *progress.Mark, err error) {
	all, err := h.Register()
	if err != nil {
		return nil, err
	}
	e, _ := all.Of(m.Student)
	e, before, err = e.Mark(m.Task, m.By, m.Mark, now)
	if err != nil {
		return nil, err
	}
	return before, h.Enter(e)
}

// entryOf is what a sandbox told of a student, for the register.
func entryOf(c control.CheckedStudent, seat int, now time.Time) register.Entry {
	return register.Entry{Seat: seat, Student: c.Student, AsOf: now.UTC(), Results: c.Results, History: c.History}
}
