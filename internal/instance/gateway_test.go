package instance

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/plan"
)

func gatewayOf(t *testing.T, d Desired) engine.Resource {
	t.Helper()
	for _, r := range d.Resources {
		if r.Kind == engine.Gateway {
			return r
		}
	}
	t.Fatal("no gateway")
	return engine.Resource{}
}

// What the engine forwards leads to where the gateway listens.
func TestGatewayThatIsForwardedTo(t *testing.T) {
	w := wish()
	w.Forward = true
	w.Publish = Publishing{Mode: "addresses", Pool: netip.MustParsePrefix("127.0.10.0/24")}
	can := engine.Capabilities{System: true}
	d := desire(t, w, can)
	g := gatewayOf(t, d)
	want := map[int]string{
		10004: "127.0.10.1:22", 10005: "127.0.10.1:25", 10006: "127.0.10.1:110", 10007: "127.0.10.1:143",
		10012: "127.0.10.3:22", 10013: "127.0.10.3:25", 10014: "127.0.10.3:110", 10015: "127.0.10.3:143",
	}
	if diff := cmp.Diff(want, g.Sandbox.Publish); diff != "" {
		t.Error(diff)
	}
	i := Of(d.Resources)[0]
	if diff := cmp.Diff(d.Doors, i.Doors()); diff != "" || !i.Forward {
		t.Errorf("doors from labels: %s", diff)
	}
	if at := (control.Door{Service: "smtp", Listen: "127.0.10.3:25", At: ":10013"}); d.Doors.Sandboxes[1].Doors[1] != at {
		t.Errorf("seat 3's SMTP is %+v", d.Doors.Sandboxes[1].Doors[1])
	}

	// One student more: the ports of a container are fixed, so it is made anew; no sandbox is.
	more := w
	more.Specs = append(more.Specs, more.Specs[0])
	more.Specs[2].Seat = 4
	again := desire(t, more, can)
	counts := plan.Diff(again.Resources, d.Resources, again.Hashes(), d.Hashes()).Counts()
	if counts[plan.Recreate] != 1 || counts[plan.Doors] != 1 {
		t.Errorf("one student more: %v", counts)
	}
}

// A gateway that moves is made anew; no sandbox is.
func TestGatewayMoves(t *testing.T) {
	can := engine.Capabilities{System: true}
	onHost := desire(t, wish(), can)
	w := wish()
	w.Forward = true
	forwarded := desire(t, w, can)
	for name, p := range map[string]plan.Plan{
		"off the host's network": plan.Diff(forwarded.Resources, onHost.Resources, forwarded.Hashes(), onHost.Hashes()),
		"to the host's network":  plan.Diff(onHost.Resources, forwarded.Resources, onHost.Hashes(), forwarded.Hashes()),
	} {
		for _, s := range p.Steps {
			if s.Action != plan.Wait && s.Target.Kind != engine.Gateway {
				t.Errorf("%s: %s", name, s.ID)
			}
		}
		if len(p.Cuts()) != 2 {
			t.Errorf("%s: it cuts %v:\n%s", name, p.Cuts(), p)
		}
	}
}

// others is a Free that only other instances are in the way of.
func others(all []Instance, name string) Free {
	own := Instance{Name: name}
	for _, i := range all {
		if i.Name == name {
			own = i
		}
	}
	o := own.Others(all)
	return func(listen string) error {
		if by := o.Door(listen); by != "" {
			return errors.New(by)
		}
		return nil
	}
}

// Two instances share a pool of addresses; the second begins where the first does not reach.
func TestFreeSkip(t *testing.T) {
	w := wish()
	pool := netip.MustParsePrefix("127.0.10.0/24")
	w.Publish = Publishing{Mode: "addresses", Pool: pool}
	first := Of(desire(t, w, engine.Capabilities{System: true}).Resources)
	on := w.Specs[0].Services
	if n, _ := FreeSkip(t.Context(), w.Publish, []int{1, 3}, on, others(first, "monday")); n != 0 {
		t.Errorf("an instance skips %d addresses for its own doors", n)
	}
	w.Publish.Skip, _ = FreeSkip(t.Context(), w.Publish, []int{1, 3}, on, others(first, "tuesday"))
	second := Of(desire(t, w, engine.Capabilities{System: true}).Resources)[0]
	if a := second.Sandboxes[1].Addresses("")["smtp"]; a != "127.0.10.53:25" {
		t.Errorf("seat 3 of the second is at %s", a)
	}
	if n, ok := second.Skip(pool); !ok || n != 50 {
		t.Errorf("read back: %d, %v", n, ok)
	}
	if _, ok := second.Skip(netip.MustParsePrefix("127.0.99.0/24")); ok {
		t.Error("another pool")
	}
	if n, _ := FreeSkip(t.Context(), w.Publish, []int{1, 3}, on, func(string) error { return net.ErrClosed }); n != 0 {
		t.Errorf("with nothing free: %d", n)
	}
}

// A pool that this machine does not have, or has no end of, is not tried address by address.
func TestFreeSkipInALargePool(t *testing.T) {
	on := wish().Specs[0].Services
	p := Publishing{Mode: "addresses", Pool: netip.MustParsePrefix("10.0.0.0/8")}
	tries := 0
	n, err := FreeSkip(t.Context(), p, []int{1, 3}, on, func(string) error { tries++; return errNotHere })
	if n != 0 || err != nil || tries != 1 {
		t.Errorf("addresses that are not here: %d, %v after %d tries", n, err, tries)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = FreeSkip(ctx, p, []int{1, 3}, on, func(string) error { cancel(); return net.ErrClosed })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	n, err = FreeSkip(t.Context(), p, []int{1, 3}, on, func(listen string) error {
		if at := netip.MustParseAddrPort(listen).Addr(); at.Less(netip.MustParseAddr("10.2.0.0")) {
			return net.ErrClosed
		}
		return nil
	})
	if n != 131100 || err != nil { // 2 << 16 is no multiple of 50
		t.Errorf("free from 10.2.0.0 on: %d, %v", n, err)
	}
}

func TestAdvance(t *testing.T) {
	for _, test := range []struct {
		from string
		n    int
		want string
	}{
		{"127.0.10.0", 53, "127.0.10.53"},
		{"10.0.0.255", 257, "10.0.2.0"},
		{"fd00::ffff", 2, "fd00::1:1"},
		{"::", 1, "::1"},
		{"255.255.255.255", 1, "invalid IP"},
	} {
		from := netip.MustParseAddr(test.from)
		got := advance(from, test.n)
		if got.String() != test.want {
			t.Errorf("%s + %d = %s, want %s", test.from, test.n, got, test.want)
		}
		if got.IsValid() && distance(from, got) != test.n {
			t.Errorf("from %s to %s: %d", from, got, distance(from, got))
		}
	}
}
