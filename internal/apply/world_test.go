package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
	"maillab/internal/plan"
)

// world is an instance on an engine of which one call goes wrong, with its gateway and sandboxes.
type world struct {
	*enginetest.Faulty
	controlAt    int   // the call of Control that goes wrong, from 1
	controlFault error // with this; nil hangs until it is cancelled
	onControl    func(n int)

	mu    sync.Mutex
	calls int
	told  map[int]string // what the gateway (plan.DoorsSeat) and the sandboxes were told
}

func newWorld() *world {
	return &world{Faulty: &enginetest.Faulty{Memory: &enginetest.Memory{}}, told: make(map[int]string)}
}

// heal is the same world with nothing that goes wrong.
func (w *world) heal() {
	w.Faulty = &enginetest.Faulty{Memory: w.Faulty.Memory}
	w.controlAt, w.onControl = 0, nil
}

// resources of a class with this many seats, and what its gateway and sandboxes are to be told.
func resources(seats int) ([]engine.Resource, map[int]string) {
	rs := []engine.Resource{
		{Kind: engine.Image, Image: &engine.ImageSpec{Tag: "image:1"}},
		{Kind: engine.Socket, Instance: "i"},
		{Kind: engine.Gateway, Instance: "i", Sandbox: &engine.SandboxSpec{Image: "image:1"}},
	}
	want := map[int]string{plan.DoorsSeat: fmt.Sprint("doors of ", seats)}
	for seat := 1; seat <= seats; seat++ {
		rs = append(rs, engine.Resource{Kind: engine.Volume, Instance: "i", Seat: seat, Part: "mail"},
			engine.Resource{Kind: engine.Sandbox, Instance: "i", Seat: seat,
				Labels:  map[string]string{engine.LabelStudent: fmt.Sprint("student", seat)},
				Sandbox: &engine.SandboxSpec{Image: "image:1"}})
		want[seat] = "spec"
	}
	return rs, want
}

func (w *world) runs(kind engine.Kind, seat int) bool {
	rs, err := w.Observe(context.Background(), "i")
	if err != nil {
		panic(err)
	}
	for _, r := range rs {
		if r.Kind == kind && r.Seat == seat && r.State == engine.Running {
			return true
		}
	}
	return false
}

// plan is what is left to do for a class of this many seats; 0 is a teardown.
func (w *world) plan(t *testing.T, seats int) plan.Plan {
	t.Helper()
	actual, err := w.Observe(context.Background(), "i")
	if err != nil {
		t.Fatal(err)
	}
	if seats == 0 {
		return plan.Diff(nil, actual, nil, nil)
	}
	desired, want := resources(seats)
	have := make(map[int]string)
	for seat, told := range w.told {
		if w.runs(engine.Gateway, 0) && (seat == plan.DoorsSeat || w.runs(engine.Sandbox, seat)) {
			have[seat] = told
		}
	}
	return plan.Diff(desired, actual, want, have)
}

func (w *world) config(seats int) Config {
	return Config{Engine: w.Faulty, Control: control{w, seats}}
}

// control is the world's gateway, for a class of this many seats.
type control struct {
	*world
	seats int
}

var errControl = errors.New("control fault put in by the test")

func (c control) fault(ctx context.Context) error {
	c.mu.Lock()
	c.calls++
	n := c.calls
	c.mu.Unlock()
	if c.onControl != nil {
		c.onControl(n)
	}
	if n != c.controlAt {
		return ctx.Err()
	}
	if c.controlFault == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.controlFault
}

func (c control) PutDoors(ctx context.Context) error {
	if err := c.fault(ctx); err != nil {
		return err
	}
	return c.tell(plan.DoorsSeat, engine.Gateway, 0)
}

func (c control) Configure(ctx context.Context, seat int) error {
	if err := c.fault(ctx); err != nil {
		return err
	}
	return c.tell(seat, engine.Sandbox, seat)
}

func (c control) tell(key int, kind engine.Kind, seat int) error {
	if !c.runs(engine.Gateway, 0) || !c.runs(kind, seat) {
		return fmt.Errorf("%s %d does not run", kind, seat)
	}
	_, want := resources(c.seats)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[key] = want[key]
	return nil
}

func (c control) WaitReady(ctx context.Context, seat int) error {
	if err := c.fault(ctx); err != nil {
		return err
	}
	_, want := resources(c.seats)
	c.mu.Lock()
	told := c.told[seat]
	c.mu.Unlock()
	if !c.runs(engine.Sandbox, seat) || told != want[seat] {
		return fmt.Errorf("sandbox %d: not ready", seat)
	}
	return nil
}

// run plans and applies.
func (w *world) run(ctx context.Context, t *testing.T, seats int) Result {
	t.Helper()
	result := Run(ctx, w.plan(t, seats), w.config(seats))
	w.forgetGone(t)
	checkEnds(t, result)
	return result
}

// checkEnds: every step ended, and none was started of which a need is not done.
func checkEnds(t *testing.T, r Result) {
	t.Helper()
	done := make(map[plan.ID]bool)
	for _, o := range r.Outcomes {
		done[o.Step.ID] = o.State == Done
		if o.State != Done && o.State != Failed && o.State != Skipped {
			t.Errorf("%s ended as %q", o.Step.ID, o.State)
		}
		if (o.State == Done) != (o.Err == nil) {
			t.Errorf("%s: %s with error %v", o.Step.ID, o.State, o.Err)
		}
		for _, need := range o.Step.Needs {
			if o.State != Skipped && !done[need] {
				t.Errorf("%s: %s, but %s is not done", o.Step.ID, o.State, need)
			}
		}
	}
}

// forgetGone loses what was told to what is no longer there.
func (w *world) forgetGone(t *testing.T) {
	t.Helper()
	rs, err := w.Observe(context.Background(), "i")
	if err != nil {
		t.Fatal(err)
	}
	kept := make(map[int]bool)
	for _, r := range rs {
		switch r.Kind {
		case engine.Gateway:
			kept[plan.DoorsSeat] = true
		case engine.Volume:
			kept[r.Seat] = true
		}
	}
	for seat := range w.told {
		if !kept[seat] {
			delete(w.told, seat)
		}
	}
}
