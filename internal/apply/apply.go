// Package apply walks a plan. It decides nothing: it starts each step as soon as everything that the step needs has
// succeeded, as many side by side as it may, and says what became of each.
//
// Invariants, which the tests hold it to:
//   - a step is started only if all that it needs are done; "finished" is not "succeeded";
//   - every step ends as exactly one of done, failed, skipped;
//   - when the context ends nothing new is started;
//   - Run returns only after everything that it started has ended, and reports no event afterwards.
package apply

import (
	"context"
	"fmt"
	"time"

	"maillab/internal/engine"
	"maillab/internal/plan"
)

// Control is what goes through the gateway of the plan's instance.
type Control interface {
	// PutDoors tells the gateway which ports lead to which sandbox.
	PutDoors(ctx context.Context) error
	// Configure sends a sandbox its spec.
	Configure(ctx context.Context, seat int) error
	// WaitReady returns when every service of a sandbox answers, or with an error when ctx ends before.
	WaitReady(ctx context.Context, seat int) error
}

// Config is what Run works with.
type Config struct {
	Engine  engine.Engine
	Control Control // may be nil when the plan has no step for it
	// Parallel bounds the steps that are with the engine at the same time; 0 is DefaultParallel.
	Parallel int
	// ParallelControl bounds those that go through the gateway, which mostly wait; 0 is DefaultParallelControl.
	ParallelControl int
	// Events is told what happens, one call at a time; nil is allowed.
	Events func(Event)
	// Now is the clock that tells how long steps take; nil is time.Now.
	Now func() time.Time
}

// Bounds where a Config sets none. On Docker with two processors, 8 at a time took a third of the time of one after the
// other, and more gained nothing.
const (
	DefaultParallel        = 8
	DefaultParallelControl = 64
)

// State of a step.
type State string

// States. Only the last three are ends.
const (
	Waiting State = "waiting"
	Started State = "started"
	Done    State = "done"
	Failed  State = "failed"
	Skipped State = "skipped" // something that it needs failed or was skipped, or the context ended first
)

// Event is a change of a step's state, or, with a Line, progress within one that is started.
type Event struct {
	Step  plan.Step
	State State
	Line  string
	Err   error // of a failed or skipped step
}

// Outcome is what became of a step.
type Outcome struct {
	Step  plan.Step
	State State         // Done, Failed or Skipped
	Err   error         // nil exactly when done
	Took  time.Duration // 0 when skipped
}

// Result has one Outcome for each step, in the plan's order.
type Result struct {
	Outcomes []Outcome
}

// run does one step.
func (c *Config) run(ctx context.Context, s plan.Step, progress engine.Progress) error {
	switch s.Action {
	case plan.Build, plan.Create, plan.Start:
		return c.Engine.Put(ctx, s.Target, progress)
	case plan.Recreate:
		if err := c.Engine.Remove(ctx, s.Target); err != nil {
			return err
		}
		return c.Engine.Put(ctx, s.Target, progress)
	case plan.Remove:
		return c.Engine.Remove(ctx, s.Target)
	case plan.Doors:
		return c.Control.PutDoors(ctx)
	case plan.Configure:
		return c.Control.Configure(ctx, s.Seat)
	case plan.Wait:
		return c.Control.WaitReady(ctx, s.Seat)
	}
	return fmt.Errorf("step %s: no such action", s.ID)
}

// viaControl tells which of the two bounds a step counts against.
func viaControl(s plan.Step) bool {
	return s.Action == plan.Doors || s.Action == plan.Configure || s.Action == plan.Wait
}
