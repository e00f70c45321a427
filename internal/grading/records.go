package grading

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// theirs says whether a connection is a student's: one of the student's accounts logged in, or nobody did.
func theirs(s task.Sheet, accounts []string) bool {
	return len(accounts) == 0 || slices.ContainsFunc(accounts, func(a string) bool { return slices.Contains(s.Accounts, a) })
}

// records is what students did, told to who asks over control.
type records struct{ *Grading }

// Records tell what students did.
func (g *Grading) Records() control.Records { return records{g} }

// surely says whether a connection can be nobody else's: on a server that many share, one without a login may be anybody's.
func (g *Grading) surely(s task.Sheet, accounts []string) bool {
	return theirs(s, accounts) && (len(accounts) > 0 || len(g.sheets) == 1)
}

// owner is a student's tasks, or, where a lab has none, the student's accounts.
func (g *Grading) owner(student string) (task.Sheet, error) {
	if s, err := g.sheet(student); err == nil {
		return s, nil
	}
	s := task.Sheet{Student: student}
	for _, a := range g.cfg.Spec.Accounts {
		if a.Student == student {
			s.Accounts = append(s.Accounts, a.Name)
		}
	}
	if len(s.Accounts) == 0 {
		return s, &control.Error{Status: 404, Text: fmt.Sprintf("there is no student %q here", student)}
	}
	return s, nil
}

// Dialogues implements control.Records. It hands what a student typed and got in this epoch, or since he alone was put back to the start, to emit, by
// their start.
func (g records) Dialogues(ctx context.Context, student string, emit func(dialogue.Dialogue) error) error {
	s, err := g.owner(student)
	if err != nil {
		return err
	}
	e := g.evidence()
	defer e.close()
	for one, err := range e.Dialogues(ctx, "") {
		if err == nil && g.counts(s, one) {
			err = emit(one)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// counts tells of a dialogue of this epoch whether it is a student's, and not from before he was put back to the start.
func (g records) counts(s task.Sheet, d dialogue.Dialogue) bool {
	return theirs(s, d.Accounts) && !d.Start.Before(g.ledger.since(s.Student))
}

// Dialogue implements control.Records.
func (g records) Dialogue(_ context.Context, student, id string) (d dialogue.Dialogue, err error) {
	s, err := g.owner(student)
	if err != nil {
		return d, err
	}
	d, err = g.cfg.Dialogues.Read(id)
	switch {
	case err != nil && !errors.Is(err, dialogue.ErrNotFound):
		return d, err
	case err != nil, d.Epoch != g.cfg.Epochs.Current().Number, !g.counts(s, d):
		return dialogue.Dialogue{}, &control.Error{Status: 404, Text: "there is no such dialogue (any more)"}
	}
	return d, nil
}

// Follow implements control.Records. It hands a student's lines to emit as they come.
func (g records) Follow(ctx context.Context, student string, emit func(dialogue.Event) error) error {
	s, err := g.owner(student)
	if err != nil {
		return err
	}
	return g.cfg.Dialogues.Follow(ctx, func(e dialogue.Event) error {
		if !theirs(s, e.Accounts) {
			return nil
		}
		return emit(e)
	})
}

// lately is how many of a student's last dialogues are looked at for what was done last.
const lately = 4

// Activity implements control.Records. It is what each student did last, as far as it is surely that student's.
func (g records) Activity(context.Context) (all []control.Activity, err error) {
	epoch := g.cfg.Epochs.Current()
	found := g.cfg.Dialogues.List(dialogue.Filter{Epoch: epoch.Number})
	for _, s := range g.sheets {
		since := g.ledger.since(s.Student)
		a := control.Activity{Student: s.Student, Started: epoch.Start}
		if since.After(a.Started) {
			a.Started = since
		}
		for _, pass := range g.ledger.work(s.Student).Passed {
			if pass.At.After(a.Passed) {
				a.Passed = pass.At
			}
		}
		seen := 0
		for _, one := range slices.Backward(found) {
			if seen == lately {
				break
			}
			if !g.surely(s, one.Accounts) || one.Start.Before(since) {
				continue
			}
			seen++
			whole, err := g.cfg.Dialogues.Read(one.ID)
			if errors.Is(err, dialogue.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			lastOf(&a, whole)
		}
		all = append(all, a)
	}
	return all, nil
}

// lastOf takes in the last command of a dialogue, and the last refusal, when they are later than what is known.
func lastOf(a *control.Activity, d dialogue.Dialogue) {
	refusal := ""
	var at time.Time
	for _, l := range d.Lines {
		switch {
		case l.Kind == dialogue.Command:
			at = l.At
			if !l.At.Before(a.At) {
				a.At, a.Service, a.Command = l.At, d.Service, l.Text
			}
		case l.Kind == dialogue.Reply && dialogue.Refuses(d.Service, l.Text):
			refusal = l.Text
		}
	}
	if refusal != "" && (a.Error == "" || !at.Before(a.At)) {
		a.Error = refusal
	}
}
