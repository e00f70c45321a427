package apply

import (
	"errors"
	"fmt"
	"slices"

	"maillab/internal/engine"
)

// OK tells whether every step is done.
func (r Result) OK() bool { return r.Err() == nil && r.Count(Skipped) == 0 }

// Count is how many steps ended this way.
func (r Result) Count(s State) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.State == s {
			n++
		}
	}
	return n
}

// Err joins the errors of the steps that failed; nil when none did. Steps that were skipped are their consequence, or
// that of a context which ended, and have no place in it.
func (r Result) Err() error {
	var errs []error
	for _, o := range r.Outcomes {
		if o.State == Failed {
			errs = append(errs, fmt.Errorf("%s: %w", o.Step.ID, o.Err))
		}
	}
	return errors.Join(errs...)
}

// Incomplete are the seats of which a step failed or was skipped, sorted. General is true when one of the whole
// instance did, such as the network's.
func (r Result) Incomplete() (seats []int, general bool) {
	for _, o := range r.Outcomes {
		switch {
		case o.State == Done:
		case ofSeat(o):
			seats = append(seats, o.Step.Seat)
		default:
			general = true
		}
	}
	slices.Sort(seats)
	return slices.Compact(seats), general
}

// ofSeat tells whether a step concerns one sandbox only.
func ofSeat(o Outcome) bool {
	kind := o.Step.Target.Kind
	return kind == engine.Sandbox || kind == engine.Volume
}
