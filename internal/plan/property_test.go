package plan

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
)

// TestApplyingAPlanLeavesNothingToDo makes a world, breaks it at random, changes what is wanted, and carries the plan
// out in a random order that respects its needs, on an engine that refuses what a real one would. Then the next plan
// must be empty.
func TestApplyingAPlanLeavesNothingToDo(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := &world{t: t, rng: rng, told: make(map[int]string)}
		before, after := randomClass(rng), randomClass(rng)
		w.carryOut(w.diff(before.resources(), before.specs("a1")), before.specs("a1"))
		w.breakSome()
		desired, want := after.resources(), after.specs("b2")
		if rng.IntN(8) == 0 {
			desired, want = nil, nil // a teardown
		}
		p := w.diff(desired, want)
		checkForm(t, p)
		w.carryOut(p, want)
		if left := w.diff(desired, want); !left.Empty() {
			t.Errorf("carried out\n%s\nand is left with\n%s", p, left)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomClass(rng *rand.Rand) class {
	var students []string
	for seat := range rng.IntN(5) {
		student := fmt.Sprintf("student%d", seat+1)
		if rng.IntN(4) == 0 {
			student = ""
		}
		students = append(students, student)
	}
	c := small(students...)
	c.forward, c.shift = rng.IntN(2) == 0, rng.IntN(3)
	c.facts = rng.IntN(3)
	c.image = []string{"maillab/sandbox:1", "maillab/sandbox:2"}[rng.IntN(2)]
	c.doors = []string{"10000", "20000"}[rng.IntN(2)]
	return c
}

// world is an engine and what its gateway and sandboxes were told.
type world struct {
	enginetest.Memory
	t    *testing.T
	rng  *rand.Rand
	told map[int]string // as in Diff's have; a seat's is on its state volume, the doors' in the gateway
}

func (w *world) observe() []engine.Resource {
	rs, err := w.Observe(context.Background(), "i")
	if err != nil {
		w.t.Fatal(err)
	}
	return rs
}

// runs tells whether a resource is there and running.
func (w *world) runs(kind engine.Kind, seat int) bool {
	for _, r := range w.observe() {
		if r.Kind == kind && r.Seat == seat && r.State == engine.Running {
			return true
		}
	}
	return false
}

// diff asks only what runs for its spec, and only through a gateway that runs.
func (w *world) diff(desired []engine.Resource, want map[int]string) Plan {
	var have map[int]string
	if w.runs(engine.Gateway, 0) {
		have = make(map[int]string)
		for seat, spec := range w.told {
			if seat == DoorsSeat || w.runs(engine.Sandbox, seat) {
				have[seat] = spec
			}
		}
	}
	return Diff(desired, w.observe(), want, have)
}

// breakSome stops and loses resources: what people and reboots do, and what a killed program leaves.
func (w *world) breakSome() {
	for _, r := range w.observe() {
		switch w.rng.IntN(6) {
		case 0:
			w.Lose(r)
			w.forget(r)
		case 1:
			w.Stop(r)
		}
	}
}

// forget loses what was told to r.
func (w *world) forget(r engine.Resource) {
	switch {
	case r.Kind == engine.Gateway:
		delete(w.told, DoorsSeat)
	case r.Kind == engine.Volume && r.Part == "state":
		delete(w.told, r.Seat)
	}
}

// carryOut does the plan's steps in a random order that respects their needs.
func (w *world) carryOut(p Plan, want map[int]string) {
	done := make(map[ID]bool)
	for len(done) < len(p.Steps) {
		var ready []Step
		for _, s := range p.Steps {
			if !done[s.ID] && all(s.Needs, done) {
				ready = append(ready, s)
			}
		}
		if len(ready) == 0 {
			w.t.Fatalf("steps wait for one another:\n%s", p)
		}
		s := ready[w.rng.IntN(len(ready))]
		if err := w.do(s, want); err != nil {
			w.t.Fatalf("%s: %v, in\n%s", s.ID, err, p)
		}
		done[s.ID] = true
	}
}

func all(ids []ID, in map[ID]bool) bool {
	for _, id := range ids {
		if !in[id] {
			return false
		}
	}
	return true
}

func (w *world) do(s Step, want map[int]string) error {
	ctx := context.Background()
	switch s.Action {
	case Build, Create, Start:
		return w.Put(ctx, s.Target, nil)
	case Remove, Recreate:
		if err := w.Memory.Remove(ctx, s.Target); err != nil {
			return err
		}
		w.forget(s.Target)
		if s.Action == Recreate {
			return w.Put(ctx, s.Target, nil)
		}
		return nil
	}
	return w.control(s, want)
}

func (w *world) control(s Step, want map[int]string) error {
	if !w.runs(engine.Gateway, 0) {
		return errors.New("the gateway does not run")
	}
	if s.Action == Doors {
		w.told[DoorsSeat] = want[DoorsSeat]
		return nil
	}
	if !w.runs(engine.Sandbox, s.Seat) || w.told[DoorsSeat] != want[DoorsSeat] {
		return errors.New("the sandbox cannot be reached")
	}
	if s.Action == Configure {
		w.told[s.Seat] = want[s.Seat]
	}
	if w.told[s.Seat] != want[s.Seat] {
		return errors.New("the sandbox never becomes ready: it has an old spec")
	}
	return nil
}
