package maild

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/lab/task"
	"maillab/internal/worksheet"
)

// desk is where a student's lab command has tasks checked.
type desk struct{ d *Daemon }

// Student implements worksheet.Desk.
func (k desk) Student(uid int) (worksheet.Student, bool) {
	if uid == 0 {
		return worksheet.Student{}, false
	}
	account, known := k.d.people.LookupUID(uid)
	if !known {
		return worksheet.Student{}, false
	}
	s, known := k.d.cfg.Spec.Account(account.Name)
	if !known || s.Student == "" {
		return worksheet.Student{}, false
	}
	return k.d.student(s.Student)
}

// student is who has a name, with the language that the student is spoken to in.
func (d *Daemon) student(name string) (worksheet.Student, bool) {
	for _, a := range d.cfg.Spec.Accounts {
		if a.Student == name {
			return worksheet.Student{Name: name, Lang: cmp.Or(a.Lang, d.cfg.Spec.Lang)}, true
		}
	}
	return worksheet.Student{}, false
}

// Tasks implements worksheet.Desk.
func (k desk) Tasks(student string) ([]task.Task, []check.Result, error) {
	s, err := k.d.sheet(student)
	if err != nil {
		return nil, nil, err
	}
	memory, states := k.d.ledger.memory(student), k.d.ledger.states(student)
	var results []check.Result
	for _, t := range s.Tasks {
		r := check.Result{ID: t.ID, State: states[t.ID], Answer: memory.Answers[t.ID]}
		if pass, ok := memory.Passed[t.ID]; ok {
			r.State, r.Seen = check.Passed, pass.Seen
		}
		if word, marked := memory.Marks[t.ID]; marked {
			r.State = map[bool]check.State{true: check.Passed, false: check.Failed}[word]
		}
		results = append(results, r)
	}
	return s.Tasks, results, nil
}

// Check implements worksheet.Desk.
func (k desk) Check(ctx context.Context, student string, ids []string) ([]check.Result, error) {
	checked, err := k.d.Check(ctx, control.CheckRequest{Students: []string{student}, Tasks: ids})
	if err != nil {
		var told *control.Error
		if errors.As(err, &told) && told.Status == 404 {
			return nil, worksheet.ErrNoTask
		}
		return nil, err
	}
	return checked[0].Results, nil
}

// Answer implements worksheet.Desk.
func (k desk) Answer(ctx context.Context, student, id, text string) (check.Result, error) {
	s, err := k.d.sheet(student)
	if err != nil {
		return check.Result{}, err
	}
	if !slices.ContainsFunc(s.Tasks, func(t task.Task) bool { return t.ID == id }) {
		return check.Result{}, worksheet.ErrNoTask
	}
	k.d.unwritten(k.d.ledger.answer(student, id, text))
	results, err := k.Check(ctx, student, []string{id})
	if err != nil {
		return check.Result{}, err
	}
	return results[0], nil
}
