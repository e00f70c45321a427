package instance

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
	"maillab/internal/plan"
)

// TestExpiry: a longer life, a shorter one and an endless one are all said, and no plan takes notice.
func TestExpiry(t *testing.T) {
	e := &enginetest.Memory{}
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, r := range []engine.Resource{
		{Kind: engine.Gateway, Instance: "i", Labels: map[string]string{engine.LabelInstance: "i", engine.LabelExpires: made.Format(time.RFC3339)}},
		{Kind: engine.Volume, Instance: "i", Seat: 1, Part: "mail", Labels: map[string]string{engine.LabelInstance: "i"}},
	} {
		if err := e.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	look := func() Instance {
		t.Helper()
		rs, err := e.Observe(t.Context(), "i")
		if err != nil {
			t.Fatal(err)
		}
		return Of(rs)[0]
	}
	if got := look().Expires; !got.Equal(made) {
		t.Fatalf("expires %v", got)
	}
	for _, want := range []time.Time{made.Add(time.Hour), made.Add(-time.Hour), {}, made} {
		if err := held(t, OpenFolder(t.TempDir(), "i")).SetExpiry(t.Context(), e, look(), want); err != nil {
			t.Fatal(err)
		}
		i := look()
		if !i.Expires.Equal(want) {
			t.Errorf("expires %v, want %v", i.Expires, want)
		}
		if n := len(WithoutFacts(i.Resources)); n != 2 || len(i.Resources) != 3 {
			t.Errorf("%d resources, %d without the facts", len(i.Resources), n)
		}
		if i.Host != "" {
			t.Errorf("a longer life changes the host to %q", i.Host)
		}
		if len(i.Seats()) != 0 {
			t.Errorf("the facts have a seat: %v", i.Seats())
		}
	}
}

// TestFacts: what changes while sandboxes live is said anew, in facts that every command reads, and only when it has to be.
func TestFacts(t *testing.T) {
	e := &enginetest.Memory{}
	can := engine.Capabilities{System: true}
	first := desire(t, wish(), can)
	look := func() Instance {
		t.Helper()
		rs, err := e.Observe(t.Context(), "monday")
		if err != nil {
			t.Fatal(err)
		}
		return Of(rs)[0]
	}
	for _, r := range first.Resources {
		if err := e.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name   string
		change func(*Wish)
		anew   bool
	}{
		{"nothing", func(*Wish) {}, false},
		{"other ports", func(w *Wish) { w.Publish.Blocks = []Block{{Base: 20000, First: 1}} }, true},
		{"the same again", func(w *Wish) { w.Publish.Blocks = []Block{{Base: 20000, First: 1}} }, false},
		{"another host", func(w *Wish) { w.Publish.Blocks, w.Host = []Block{{Base: 20000, First: 1}}, "lab.example" }, true},
		{"another student", func(w *Wish) { w.Host, w.Students = "lab.example", map[int][]string{1: {"anna"}, 3: {"bruno"}} }, true},
		{"as at first", func(*Wish) {}, true},
		{"until noon", func(w *Wish) { w.Expires = w.Created.Add(4 * time.Hour) }, true},
	} {
		t.Run(step.name, func(t *testing.T) {
			w, before := wish(), look()
			step.change(&w)
			d := desire(t, w, can)
			d.Agree(before)
			p := plan.Diff(d.Resources, append(before.Resources, first.Resources[0]), nil, nil) // with the image
			if p.Empty() == step.anew {
				t.Fatalf("the plan is\n%s", p)
			}
			carryOutFacts(t, e, p)
			after := look()
			if got := after.Sandboxes; !after.Expires.Equal(w.Expires) || after.Host != w.Host || got[0].Name() != w.Students[1][0] {
				t.Errorf("reads %v %q %v", after.Expires, after.Host, got)
			}
			if d := cmp.Diff(d.Doors, after.Doors()); d != "" {
				t.Errorf("doors: -want +got\n%s", d)
			}
			if n := len(after.Resources) - len(WithoutFacts(after.Resources)); n > 1 {
				t.Errorf("%d facts are left", n)
			}
		})
	}
}

// carryOutFacts does a plan in its order. It may have steps for facts only.
func carryOutFacts(t *testing.T, e engine.Engine, p plan.Plan) {
	t.Helper()
	do := map[plan.Action]func(context.Context, engine.Resource) error{
		plan.Create: func(ctx context.Context, r engine.Resource) error { return e.Put(ctx, r, nil) },
		plan.Remove: e.Remove,
	}
	for _, s := range p.Steps {
		if s.Target.Kind != engine.Facts {
			t.Fatalf("the plan has %s: %s", s.ID, s.Reason)
		}
		if err := do[s.Action](t.Context(), s.Target); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewFactsCountFirst: killed before the old ones went, the new ones are in force.
func TestNewFactsCountFirst(t *testing.T) {
	said := func(version int, host string) engine.Resource {
		return engine.Resource{Kind: engine.Facts, Instance: "i", Version: version, Labels: map[string]string{engine.LabelHost: host}}
	}
	gateway := engine.Resource{Kind: engine.Gateway, Instance: "i", Labels: map[string]string{engine.LabelHost: "made.example"}}
	for _, all := range [][]engine.Resource{{said(2, "new"), said(1, "old"), gateway}, {gateway, said(1, "old"), said(2, "new")}} {
		if got := Of(all)[0].Host; got != "new" {
			t.Errorf("the host is %q", got)
		}
	}
	if got := Of([]engine.Resource{gateway, said(1, "")})[0].Host; got != "" {
		t.Errorf("the host was taken back and is %q", got)
	}
}

// TestRemovedByHand: a sandbox of which only the volumes are left is still its student's.
func TestRemovedByHand(t *testing.T) {
	d := desire(t, wish(), engine.Capabilities{System: true})
	left := slices.DeleteFunc(slices.Clone(d.Resources), func(r engine.Resource) bool { return r.Kind == engine.Sandbox && r.Seat == 3 })
	if s := Of(left)[0].Sandboxes[1]; s.Name() != "bruno" || s.Seat != 3 || s.State != engine.Missing {
		t.Errorf("found %+v", s)
	}
	kept := slices.DeleteFunc(left, func(r engine.Resource) bool { return r.Kind != engine.Volume })
	if got := Of(kept)[0].Sandboxes; len(got) > 0 {
		t.Errorf("an instance that is down has %v", got)
	}
}
