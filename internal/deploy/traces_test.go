package deploy

import (
	"context"
	"errors"
	"slices"
	"testing"

	"maillab/internal/engine"
)

// TestTraces: what is left is named, where nothing is left, too, and where nobody answers.
func TestTraces(t *testing.T) {
	w := newWorld(t)
	if _, err := w.bringing(t, t.TempDir(), "monday", 1).up(t); err != nil {
		t.Fatal(err)
	}
	makers := []Maker{
		{Name: "memory", Make: func(context.Context) (engine.Engine, error) { return w, nil }},
		{Name: "away", Make: func(context.Context) (engine.Engine, error) { return nil, engine.ErrUnavailable }},
	}
	looked, err := Traces(t.Context(), makers, "monday")
	if err != nil || len(looked.Through) != 0 || !slices.ContainsFunc(looked.Left, func(text string) bool { return text == "a sandbox of seat 1 on engine memory" }) {
		t.Errorf("%+v, %v", looked, err)
	}
	looked, err = Traces(t.Context(), makers, "tuesday")
	if err != nil || len(looked.Left) != 0 || !slices.Equal(looked.Through, []string{"engine memory"}) || len(looked.Not) != 1 || !errors.Is(looked.Not[0], engine.ErrUnavailable) {
		t.Errorf("%+v, %v", looked, err)
	}
}
