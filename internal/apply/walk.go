package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"maillab/internal/plan"
)

// Run walks the plan and returns when nothing of it is running any more. A step that failed leaves others, which do not
// need it, untouched.
func Run(ctx context.Context, p plan.Plan, c Config) Result {
	if c.Now == nil {
		c.Now = time.Now
	}
	w := walk{
		Config: c, outcomes: make([]Outcome, len(p.Steps)), place: make(map[plan.ID]int),
		free:  map[bool]int{false: or(c.Parallel, DefaultParallel), true: or(c.ParallelControl, DefaultParallelControl)},
		lines: make(chan Event), ends: make(chan end),
	}
	for i, s := range p.Steps {
		w.outcomes[i] = Outcome{Step: s, State: Waiting}
		w.place[s.ID] = i
	}
	w.all(ctx)
	return Result{Outcomes: w.outcomes}
}

func or(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// walk is the state of one Run. It belongs to one goroutine; the steps' goroutines only send to it.
type walk struct {
	Config
	outcomes []Outcome
	place    map[plan.ID]int // of a step in outcomes
	free     map[bool]int    // slots that are not in use; by viaControl
	running  int
	lines    chan Event
	ends     chan end
}

// end is how the i-th step ended.
type end struct {
	i    int
	err  error
	took time.Duration
}

func (w *walk) all(ctx context.Context) {
	for {
		w.startWhatCan(ctx)
		if w.running == 0 {
			break // nothing runs and nothing could be started
		}
		select {
		case e := <-w.lines:
			w.event(e)
		case e := <-w.ends:
			w.ended(e)
		}
	}
	for i, o := range w.outcomes {
		if o.State == Waiting {
			w.settle(i, Skipped, errors.New("needs a step that comes later in the plan"), 0)
		}
	}
}

// startWhatCan goes through the waiting steps in the plan's order, so that earlier steps get free slots first. Needs
// point backwards in a plan, so one pass settles all skips.
func (w *walk) startWhatCan(ctx context.Context) {
	for i := range w.outcomes {
		if w.outcomes[i].State != Waiting {
			continue
		}
		step := w.outcomes[i].Step
		ready, err := w.needs(step)
		if err == nil && ctx.Err() != nil {
			err = fmt.Errorf("not started: %w", context.Cause(ctx))
		}
		switch {
		case err != nil:
			w.settle(i, Skipped, err, 0)
		case ready && w.free[viaControl(step)] > 0:
			w.start(ctx, i)
		}
	}
}

// needs tells whether all that a step needs is done, or that it never will be.
func (w *walk) needs(s plan.Step) (ready bool, err error) {
	ready = true
	for _, id := range s.Needs {
		i, known := w.place[id]
		if !known {
			return false, fmt.Errorf("needs %q, which is not in the plan", id)
		}
		switch w.outcomes[i].State {
		case Done:
		case Failed, Skipped:
			return false, fmt.Errorf("needs %q, which %s", id, verb(w.outcomes[i].State))
		default:
			ready = false
		}
	}
	return ready, nil
}

func verb(s State) string {
	if s == Skipped {
		return "was skipped"
	}
	return string(s)
}

func (w *walk) start(ctx context.Context, i int) {
	step := w.outcomes[i].Step
	w.outcomes[i].State = Started
	w.free[viaControl(step)]--
	w.running++
	w.event(Event{Step: step, State: Started})
	go func() {
		began := w.Now()
		err := w.run(ctx, step, func(line string) { w.lines <- Event{Step: step, State: Started, Line: line} })
		w.ends <- end{i, err, w.Now().Sub(began)}
	}()
}

func (w *walk) ended(e end) {
	w.running--
	w.free[viaControl(w.outcomes[e.i].Step)]++
	if e.err != nil {
		w.settle(e.i, Failed, e.err, e.took)
		return
	}
	w.settle(e.i, Done, nil, e.took)
}

// settle writes a step's end down.
func (w *walk) settle(i int, s State, err error, took time.Duration) {
	o := &w.outcomes[i]
	o.State, o.Err, o.Took = s, err, took
	w.event(Event{Step: o.Step, State: s, Err: err})
}

func (w *walk) event(e Event) {
	if w.Events != nil {
		w.Events(e)
	}
}
