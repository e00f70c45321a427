package enginetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
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

// memoryClass gives every instance its own subnet, by the length of its name.
func memoryClass(_ *testing.T, instance string, seats int) []engine.Resource {
	subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(len(instance)), instance[0], 0}), 24)
	rs := []engine.Resource{
		{Kind: engine.Image, Image: &engine.ImageSpec{Tag: "image:1"}},
		{Kind: engine.Network, Instance: instance, Network: &engine.NetworkSpec{Subnet: subnet}},
		{Kind: engine.Gateway, Instance: instance, Sandbox: &engine.SandboxSpec{Image: "image:1"}},
	}
	address := subnet.Addr().Next()
	for seat := 1; seat <= seats; seat++ {
		address = address.Next()
		rs = append(rs, engine.Resource{Kind: engine.Volume, Instance: instance, Seat: seat, Part: "mail"},
			engine.Resource{
				Kind: engine.Sandbox, Instance: instance, Seat: seat,
				Labels:  map[string]string{engine.LabelStudent: fmt.Sprint("student", seat)},
				Sandbox: &engine.SandboxSpec{Image: "image:1", Address: address},
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
	network := class[1]
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
		t.Errorf("a sandbox without its network: %v", err)
	}
	must(m.Put(ctx, network, nil))
	must(m.Put(ctx, volume, nil))
	must(m.Put(ctx, sandbox, nil))
	twin := class[6]
	spec := *sandbox.Sandbox
	twin.Sandbox = &spec
	if err := m.Put(ctx, twin, nil); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("a second sandbox at an address: %v", err)
	}
	spec.Address = netip.MustParseAddr("192.0.2.1")
	if err := m.Put(ctx, twin, nil); err == nil {
		t.Error("a sandbox is outside of its network")
	}
	for _, used := range []engine.Resource{network, volume} {
		if err := m.Remove(ctx, used); err == nil {
			t.Errorf("%s was removed while it was in use", used.ID())
		}
	}
}
