package grading

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"maillab/internal/control"
	"maillab/internal/delivery"
	"maillab/internal/lab/task"
	"maillab/internal/mail"
)

// Messages implements control.Records. It hands what came into a student's mailboxes in this epoch, or since he alone was put
// back to the start, to emit, by when it came.
func (g records) Messages(_ context.Context, student string, emit func(control.Message) error) error {
	s, err := g.owner(student)
	if err != nil {
		return err
	}
	for _, m := range g.delivered(s) {
		if err := emit(m.told); err != nil {
			return err
		}
	}
	return nil
}

// Message implements control.Records: one of them, with its text.
func (g records) Message(_ context.Context, student, id string) (control.Message, error) {
	s, err := g.owner(student)
	if err != nil {
		return control.Message{}, err
	}
	for _, m := range g.delivered(s) {
		if m.told.ID != id {
			continue
		}
		text, cut, err := g.cfg.Deliveries.Text(m.copy)
		if errors.Is(err, delivery.ErrGone) {
			return m.told, &control.Error{Status: http.StatusGone, Text: err.Error()}
		}
		m.told.Text, m.told.Cut = text, cut
		return m.told, err
	}
	return control.Message{}, &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("no message %q came into a mailbox of %s", id, student)}
}

// came is a message as a student may see it, and a copy of it in one of the student's mailboxes.
type came struct {
	told control.Message
	copy delivery.Copy
}

func (g *Grading) delivered(s task.Sheet) (all []came) {
	since := g.ledger.since(s.Student)
	for _, m := range g.cfg.Deliveries.List(g.cfg.Epochs.Current().Number) {
		if m.At.Before(since) {
			continue
		}
		var own came
		var theirs []string // as typed, which is what an alias leaves as it was
		for _, c := range m.Copies {
			if slices.Contains(s.Accounts, c.Account) && c.Fixture == "" {
				own.copy = c
				own.told.Accounts = append(own.told.Accounts, c.Account)
				theirs = append(theirs, c.Typed)
			}
		}
		if len(theirs) == 0 {
			continue
		}
		own.told.ID, own.told.At, own.told.Envelope = m.ID, m.At, m.Envelope
		if len(g.sheets) > 1 {
			own.told.Envelope = toThem(m.Envelope, theirs)
		}
		all = append(all, own)
	}
	return all
}

// toThem is an envelope as its recipients may see it: who else got the message is not for them.
func toThem(e *mail.Envelope, typed []string) *mail.Envelope {
	if e == nil {
		return nil
	}
	seen := *e
	seen.Recipients = slices.DeleteFunc(slices.Clone(e.Recipients), func(r mail.Recipient) bool { return !slices.Contains(typed, r.Typed) })
	return &seen
}
