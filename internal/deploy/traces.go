package deploy

import (
	"context"
	"fmt"

	"maillab/internal/engine"
	"maillab/internal/instance"
)

// Looked is where was looked for what is left of something that is to be gone.
type Looked struct {
	Through []string // where there is nothing of it
	Left    []string // what there is
	Not     []error  // where nobody answered
}

// Traces looks for what engines have of an instance.
func Traces(ctx context.Context, makers []Maker, name string) (l Looked, err error) {
	s, err := Look(ctx, makers, name)
	l.Not = s.Problems
	if err != nil {
		return l, err
	}
	for _, e := range s.Engines {
		resources, err := e.Observe(ctx, name)
		if err != nil {
			return l, err
		}
		found := len(l.Left)
		for _, r := range resources {
			if r.Kind != engine.Image {
				l.Left = append(l.Left, fmt.Sprintf("a %s of seat %d on engine %s", r.Kind, r.Seat, e.Capabilities().Name))
			}
		}
		if len(l.Left) == found {
			l.Through = append(l.Through, "engine "+e.Capabilities().Name)
		}
	}
	return l, nil
}

// Forget removes what is kept of an instance of which nothing runs, and looks for what is left.
func Forget(ctx context.Context, h *instance.Held, makers []Maker, name string) (l Looked, err error) {
	if err := h.Remove(); err != nil {
		return l, err
	}
	if l, err = Traces(ctx, makers, name); err != nil {
		return l, err
	}
	if h.Exists() {
		l.Left = append(l.Left, h.Path())
	} else {
		l.Through = append(l.Through, h.Path())
	}
	return l, nil
}
