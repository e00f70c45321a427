package apply

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"maillab/internal/engine/enginetest"
)

// stage is a run that is disturbed: from a class of before seats to one of after.
type stage struct{ before, after int }

var stages = []stage{{0, 3}, {3, 0}, {3, 4}, {4, 2}} // up, down, a student more, two dropped

// ready is a world with a class of s.before seats up.
func (s stage) ready(t *testing.T) *world {
	t.Helper()
	w := newWorld()
	if s.before > 0 {
		if r := w.run(context.Background(), t, s.before); !r.OK() {
			t.Fatal(r.Err())
		}
	}
	w.Faulty = &enginetest.Faulty{Memory: w.Memory}
	w.calls = 0
	return w
}

// engineCalls and controlCalls of the stage when nothing goes wrong.
func (s stage) calls(t *testing.T) (engineCalls, controlCalls int) {
	t.Helper()
	w := s.ready(t)
	if r := w.run(context.Background(), t, s.after); !r.OK() {
		t.Fatal(r.Err())
	}
	return w.Count(), w.calls
}

// converges runs once more, undisturbed, and holds that nothing is left to do.
func (s stage) converges(t *testing.T, w *world) {
	t.Helper()
	w.heal()
	if r := w.run(context.Background(), t, s.after); !r.OK() {
		t.Fatalf("the next run: %v", r.Err())
	}
	if p := w.plan(t, s.after); !p.Empty() {
		t.Errorf("after the next run there is left\n%s", p)
	}
}

// TestTheRunAfterAFaultFinishes puts every fault into every call in turn.
func TestTheRunAfterAFaultFinishes(t *testing.T) {
	for _, s := range stages {
		engineCalls, controlCalls := s.calls(t)
		for n := 1; n <= engineCalls; n++ {
			for _, fault := range enginetest.Faults() {
				t.Run(fmt.Sprintf("%d to %d/engine call %d %s", s.before, s.after, n, fault), func(t *testing.T) {
					w := s.ready(t)
					w.At, w.Fault = n, fault
					s.disturbed(t, w)
				})
			}
		}
		for n := 1; n <= controlCalls; n++ {
			for _, fault := range []error{errControl, nil} {
				t.Run(fmt.Sprintf("%d to %d/control call %d %v", s.before, s.after, n, fault), func(t *testing.T) {
					w := s.ready(t)
					w.controlAt, w.controlFault = n, fault
					s.disturbed(t, w)
				})
			}
		}
	}
}

// disturbed runs with the fault and then without. A step that hangs is cancelled once everything else has ended.
func (s stage) disturbed(t *testing.T, w *world) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	config := w.config(s.after)
	started := 0
	config.Events = func(e Event) {
		switch {
		case e.State == Started && e.Line == "":
			started++
		case e.State == Done || e.State == Failed:
			started--
		}
	}
	p := w.plan(t, s.after)
	hangs := w.At > 0 && w.Fault == enginetest.Hang || w.controlAt > 0 && w.controlFault == nil
	if hangs {
		w.Calls = func(n int) {
			if n == w.At {
				cancel()
			}
		}
		w.onControl = func(n int) {
			if n == w.controlAt {
				cancel()
			}
		}
	}
	r := Run(ctx, p, config)
	checkEnds(t, r)
	if started != 0 {
		t.Errorf("%d steps had not ended when Run returned", started)
	}
	if r.OK() {
		t.Error("the run says that all went well")
	}
	if err := r.Err(); !hangs && !errors.Is(err, enginetest.ErrFault) && !errors.Is(err, errControl) {
		t.Errorf("the fault is not in the error: %v", err)
	}
	w.forgetGone(t)
	s.converges(t, w)
}

// TestTheRunAfterACancelFinishes cancels as each step starts, whatever it is.
func TestTheRunAfterACancelFinishes(t *testing.T) {
	for _, s := range stages {
		steps := len(s.ready(t).plan(t, s.after).Steps)
		for n := 1; n <= steps; n++ {
			t.Run(fmt.Sprintf("%d to %d/step %d", s.before, s.after, n), func(t *testing.T) {
				w := s.ready(t)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				config := w.config(s.after)
				count, late := 0, 0
				config.Events = func(e Event) {
					if e.State != Started || e.Line != "" {
						return
					}
					if ctx.Err() != nil {
						late++
					}
					if count++; count == n {
						cancel()
					}
				}
				r := Run(ctx, w.plan(t, s.after), config)
				checkEnds(t, r)
				if late > 0 {
					t.Errorf("%d steps were started after the context had ended", late)
				}
				w.forgetGone(t)
				s.converges(t, w)
			})
		}
	}
}
