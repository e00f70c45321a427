package enginetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"maillab/internal/engine"
)

func TestMemoryIsAnEngine(t *testing.T) {
	Suite(t, func(t *testing.T) Subject {
		m := new(Memory)
		return Subject{
			Engine: m,
			Name:   func(short string) string { return short },
			Class:  memoryClass,
			Stop:   func(_ *testing.T, r engine.Resource) { m.Stop(r) },
		}
	})
}

func memoryClass(_ *testing.T, instance string, seats int) []engine.Resource {
	rs := []engine.Resource{
		{Kind: engine.Image, Image: &engine.ImageSpec{Tag: "image:1"}},
		{Kind: engine.Socket, Instance: instance},
		{Kind: engine.Gateway, Instance: instance, Sandbox: &engine.SandboxSpec{Image: "image:1"}},
	}
	for seat := 1; seat <= seats; seat++ {
		rs = append(rs, engine.Resource{Kind: engine.Volume, Instance: instance, Seat: seat, Part: "mail"},
			engine.Resource{
				Kind: engine.Sandbox, Instance: instance, Seat: seat,
				Labels:  map[string]string{engine.LabelStudent: fmt.Sprint("student", seat)},
				Sandbox: &engine.SandboxSpec{Image: "image:1"},
			})
	}
	engine.Sort(rs)
	return rs
}

// TestMemoryRefuses what a real engine refuses; the tests of plans lean on it.
func TestMemoryRefuses(t *testing.T) {
	ctx, m := context.Background(), new(Memory)
	class := memoryClass(t, "i", 2)
	volume, sandbox := class[3], class[5]
	socket := class[1]
	for _, r := range class {
		if r.Sandbox != nil {
			if err := m.Put(ctx, r, nil); !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("%s without its image: %v", r.ID(), err)
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(m.Put(ctx, class[0], nil))
	if err := m.Put(ctx, sandbox, nil); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a sandbox without its socket: %v", err)
	}
	must(m.Put(ctx, socket, nil))
	must(m.Put(ctx, volume, nil))
	must(m.Put(ctx, sandbox, nil))
	for _, used := range []engine.Resource{socket, volume} {
		if err := m.Remove(ctx, used); err == nil {
			t.Errorf("%s was removed while it was in use", used.ID())
		}
	}
}
