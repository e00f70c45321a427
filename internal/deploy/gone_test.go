package deploy

import (
	"slices"
	"testing"
	"time"

	"maillab/internal/engine"
	"maillab/internal/instance"
)

// TestLost: nobody is said to be lost as long as the nodes that are left are a majority; else those that were given up are, until
// they answer again.
func TestLost(t *testing.T) {
	nodes := func(away []string, ids ...string) (all []engine.Node) {
		for _, id := range ids {
			all = append(all, engine.Node{ID: id, Away: slices.Contains(away, id)})
		}
		return all
	}
	b, c := []string{"b"}, []string{"c"}
	both := append(b, c...)
	gone := func(ids ...string) (all []Gone) {
		for _, id := range ids {
			all = append(all, Gone{Node: engine.Node{ID: id}})
		}
		return all
	}
	for name, test := range map[string]struct {
		nodes   []engine.Node
		picture []string
		before  []string
		gone    []Gone
		want    []string
	}{
		"one of three":           {nodes(c, "a", "b", "c"), nil, nil, gone("c"), nil},
		"two of three":           {nodes(both, "a", "b", "c"), nil, nil, gone("b", "c"), both},
		"not agreed":             {nodes(both, "a", "b", "c"), nil, nil, nil, nil},
		"agreed before":          {nodes(both, "a", "b", "c"), nil, both, nil, both},
		"one is back":            {nodes(c, "a", "b", "c"), nil, both, nil, c},
		"of two the second":      {nodes(b, "a", "b"), nil, nil, gone("b"), nil},
		"of two the first":       {nodes([]string{"a"}, "a", "b"), nil, nil, gone("a"), []string{"a"}},
		"it answers by now":      {nodes(nil, "a", "b"), nil, nil, gone("a"), nil},
		"nothing is on the node": {nil, nil, nil, gone("a"), nil},
		"the picture has two":    {nodes([]string{"a"}, "a", "b", "c"), []string{"a", "b"}, nil, gone("a"), []string{"a"}},
		"nor is the other":       {nodes(c, "a", "b", "c"), []string{"a", "c"}, nil, gone("c"), nil},
	} {
		if got := lostOf(test.nodes, test.picture, test.before, test.gone); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestWhatIsGivenUp(t *testing.T) {
	now := time.Unix(1000, 0)
	gone := []Gone{{Node: engine.Node{Name: "node2"}, Sandboxes: []instance.Sandbox{
		{Seat: 1, Students: []string{"alice"}}, {Seat: 2, Students: []string{"bob"}},
	}}}
	for _, c := range []struct {
		copies map[int]time.Time
		want   string
	}{
		{map[int]time.Time{1: now.Add(-12 * time.Second), 2: now.Add(-70 * time.Second)}, "places anew what is on node2, from copies that are at most 1m10s old: alice, bob"},
		{map[int]time.Time{1: now.Add(-12 * time.Second)}, "places anew what is on node2, from copies that are at most 12s old: alice; there is none of bob, which begin anew"},
		{nil, "begins anew what is on node2, of which there is no copy: alice, bob"},
	} {
		if got := giveUp(gone, c.copies, now); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestGoneSaid: that there is no copy is told only when the gateways said so.
func TestGoneSaid(t *testing.T) {
	g := Gone{Node: engine.Node{Name: "node2"}, Sandboxes: []instance.Sandbox{{Seat: 1, Students: []string{"alice"}}, {Seat: 2, Students: []string{"bob"}}}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	for _, c := range []struct {
		copies map[int]time.Time
		want   string
	}{
		{nil, "alice (what copies there are is not known), bob (what copies there are is not known)"},
		{map[int]time.Time{}, "alice (no copy), bob (no copy)"},
		{map[int]time.Time{2: at}, "alice (no copy), bob (copy of 03:04:05)"},
	} {
		g.Copies = c.copies
		if got, want := g.Said(), "node2 is gone; maillab up places anew what is there: "+c.want; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
