package grading

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/lab/task"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/senders"
	"maillab/internal/progress"
	"maillab/internal/worksheet"
	"maillab/internal/zone"
)

// desk is where a student's lab command has tasks checked.
type desk struct{ g *Grading }

// Desk is where students' lab commands have tasks checked.
func (g *Grading) Desk() worksheet.Desk { return desk{g} }

// Student implements worksheet.Desk.
func (k desk) Student(uid int) (worksheet.Student, bool) {
	if uid == 0 {
		return worksheet.Student{}, false
	}
	name, known := k.g.uids[uid]
	if !known {
		return worksheet.Student{}, false
	}
	return k.g.student(name)
}

// student is who has a name, with the language that the student is spoken to in.
func (g *Grading) student(name string) (worksheet.Student, bool) {
	for _, a := range g.cfg.Spec.Accounts {
		if a.Student == name {
			return worksheet.Student{Name: name, Lang: cmp.Or(a.Lang, g.cfg.Spec.Lang)}, true
		}
	}
	return worksheet.Student{}, false
}

// Tasks implements worksheet.Desk.
func (k desk) Tasks(student string) ([]task.Task, []check.Result, error) {
	s, err := k.g.sheet(student)
	if err != nil {
		return nil, nil, err
	}
	results, latest := check.Recall(s.Tasks, k.g.ledger.work(student)), k.g.latest(student)
	for i, t := range s.Tasks {
		if results[i].Seen == nil {
			results[i].Seen = latest[t.ID].Seen
		}
	}
	for i, t := range s.Tasks {
		if results[i].Mark == nil && results[i].State != progress.Passed {
			results[i].State = openOr(t, results)
		}
	}
	return s.Tasks, results, nil
}

// latest is what was found last of a student's tasks, by ID.
func (g *Grading) latest(student string) map[string]check.Result {
	g.arrived.mu.Lock()
	defer g.arrived.mu.Unlock()
	if f := g.arrived.folder(student); f != nil {
		return maps.Clone(f.latest)
	}
	return nil
}

// openOr is the state of a task that has not passed: closed while one that it needs has not passed, and no longer.
func openOr(t task.Task, results []check.Result) (state progress.State) {
	if lacks(t, results) {
		return progress.Blocked
	}
	for _, r := range results {
		if r.ID == t.ID {
			state = r.State
		}
	}
	if state == progress.Blocked && len(t.Needs) > 0 {
		return "" // as it was found before it opened
	}
	return state
}

// lacks tells whether a task that this one needs has not passed.
func lacks(t task.Task, results []check.Result) bool {
	return slices.ContainsFunc(results, func(r check.Result) bool { return slices.Contains(t.Needs, r.ID) && r.State != progress.Passed })
}

// Check implements worksheet.Desk.
func (k desk) Check(ctx context.Context, student string, ids []string) ([]check.Result, error) {
	s, err := k.g.sheet(student)
	if err != nil {
		return nil, err
	}
	tried, err := k.g.ledger.tried(student, slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return !slices.ContainsFunc(s.Tasks, func(t task.Task) bool { return t.ID == id })
	}))
	k.g.unwritten(err)
	results, err := k.look(ctx, student, ids)
	if err == nil {
		k.g.unwritten(k.g.ledger.attempted(student, tried, results, k.g.cfg.Now().UTC()))
	}
	return results, err
}

// look evaluates tasks, which is no try.
func (k desk) look(ctx context.Context, student string, ids []string) ([]check.Result, error) {
	checked, err := k.g.Check(ctx, control.CheckRequest{Students: []string{student}, Tasks: ids})
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
	s, err := k.g.sheet(student)
	if err != nil {
		return check.Result{}, err
	}
	i := slices.IndexFunc(s.Tasks, func(t task.Task) bool { return t.ID == id })
	if i < 0 {
		return check.Result{}, worksheet.ErrNoTask
	}
	if err := k.takes(ctx, student, s.Tasks[i]); err != nil {
		return check.Result{}, err
	}
	k.g.unwritten(k.g.ledger.answer(student, id, text))
	defer k.g.changes.tell(student)
	results, err := k.Check(ctx, student, []string{id})
	if err != nil {
		return check.Result{}, err
	}
	return results[0], nil
}

// asks says whether something of a task looks at an answer: a check, or the teacher.
func asks(t task.Task) bool {
	for _, c := range t.Check.Walk("") {
		if c.Answer != nil || c.Manual != nil {
			return true
		}
	}
	return false
}

// takes says why a task takes no answer now: what is kept of one that nobody asked for, or too early, misleads.
func (k desk) takes(ctx context.Context, student string, t task.Task) error {
	if !asks(t) {
		return worksheet.ErrNoQuestion
	}
	if open := check.Opens(t); k.g.cfg.Now().Before(open) {
		return worksheet.Closed{Until: open}
	}
	if len(t.Needs) == 0 {
		return nil
	}
	needed, err := k.look(ctx, student, t.Needs)
	if err != nil {
		return err
	}
	var after []string
	for _, r := range needed {
		if r.State != progress.Passed {
			after = append(after, r.ID)
		}
	}
	if len(after) > 0 {
		return worksheet.Closed{After: after}
	}
	return nil
}

// Domain implements worksheet.Desk.
func (k desk) Domain(ctx context.Context) (zone.Report, error) {
	if k.g.cfg.Domain == nil {
		return zone.Report{}, worksheet.ErrNoDomain
	}
	return k.g.cfg.Domain.Zone(ctx)
}

// Signing implements worksheet.Desk.
func (k desk) Signing(ctx context.Context) (senders.Report, error) {
	if k.g.cfg.Domain == nil {
		return senders.Report{}, worksheet.ErrNoDomain
	}
	return k.g.cfg.Domain.Signing(ctx), nil
}

// Explain implements worksheet.Desk.
func (k desk) Explain(ctx context.Context, student string, message []byte, number int) ([]senders.Step, error) {
	if k.g.cfg.Domain == nil {
		return nil, worksheet.ErrNoDomain
	}
	if message == nil {
		var err error
		if message, err = k.g.numbered(ctx, student, number); err != nil {
			return nil, err
		}
	}
	return k.g.cfg.Domain.Explain(ctx, message), nil
}

// numbered is a message of a student's mailbox, as mail(1) numbers it.
func (g *Grading) numbered(ctx context.Context, student string, number int) ([]byte, error) {
	for _, a := range g.cfg.Spec.Accounts {
		if a.Student != student {
			continue
		}
		box, err := g.cfg.Spool.Mailbox(ctx, a.Name, mbox.Inbox)
		if err != nil {
			return nil, err
		}
		defer box.Close()
		if all := box.Snapshot().Messages; number >= 1 && number <= len(all) {
			return readMessage(box, all[number-1].UID)
		}
		break
	}
	return nil, worksheet.ErrNoMessage
}

// Server implements worksheet.Desk.
func (k desk) Server(run *bool) (worksheet.Server, error) {
	if k.g.cfg.Server == nil {
		return worksheet.Server{}, worksheet.ErrNoServer
	}
	return k.g.cfg.Server(run)
}
