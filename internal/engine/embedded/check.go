package embedded

import (
	"context"
	"io"
	"net/http"

	"maillab/internal/control"
	"maillab/internal/dialogue"
)

// Check implements control.Checker.
func (s *seat) Check(ctx context.Context, r control.CheckRequest) ([]control.CheckedStudent, error) {
	return s.current().Check(ctx, r)
}

// Mark implements control.Checker.
func (s *seat) Mark(ctx context.Context, m control.Mark) error { return s.current().Mark(ctx, m) }

// Worksheet implements control.Checker.
func (s *seat) Worksheet(student string) (http.Handler, error) { return s.current().Worksheet(student) }

// Dialogues implements control.Witness.
func (s *seat) Dialogues(ctx context.Context, student string, emit func(dialogue.Dialogue) error) error {
	return s.current().Dialogues(ctx, student, emit)
}

// Follow implements control.Witness.
func (s *seat) Follow(ctx context.Context, student string, emit func(dialogue.Event) error) error {
	return s.current().Follow(ctx, student, emit)
}

// Activity implements control.Witness.
func (s *seat) Activity(ctx context.Context) ([]control.Activity, error) {
	return s.current().Activity(ctx)
}

// Bundle implements control.Witness.
func (s *seat) Bundle(ctx context.Context, student string, w io.Writer) error {
	return s.current().Bundle(ctx, student, w)
}
