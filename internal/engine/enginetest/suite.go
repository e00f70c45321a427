package enginetest

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
)

// Subject is an engine under test.
type Subject struct {
	Engine engine.Engine
	// Name makes the name of an instance that nobody else has.
	Name func(short string) string
	// Class is what an instance with this many seats is made of on this engine, in the order of engine.Sort. The images
	// among it exist already, or can be made quickly.
	Class func(t *testing.T, instance string, seats int) []engine.Resource
	// Stop ends a sandbox or gateway from outside, as a crash would; nil where that cannot be.
	Stop func(t *testing.T, r engine.Resource)
}

// Suite is the contract of engine.Engine. open is called once for each test; what it makes for itself, it takes away by
// t.Cleanup. All instances that the suite makes, it removes.
func Suite(t *testing.T, open func(t *testing.T) Subject) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s Subject)
	}{
		{"NothingOfAnInstanceThatIsNot", nothing},
		{"WhatIsPutIsObserved", roundTrip},
		{"PutTwiceChangesNothing", putTwice},
		{"RemoveTwiceIsNoError", removeTwice},
		{"InstancesDoNotSeeEachOther", twoInstances},
		{"AStoppedOneIsStarted", stopped},
		{"ASandboxCanBeMadeAnew", recreated},
		{"ManyAtTheSameTime", atTheSameTime},
		{"DialSpeaksHTTP2ToTheGateway", dial},
		{"DialWithoutAGateway", dialNobody},
		{"NothingStartsWhenTheContextHasEnded", cancelled},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// class makes an instance's resources and has all of it removed at the end.
func (s Subject) class(t *testing.T, short string, seats int) []engine.Resource {
	t.Helper()
	name := s.Name(short)
	t.Cleanup(func() { RemoveAll(t, s.Engine, name) })
	return s.Class(t, name, seats)
}

// RemoveAll removes whatever there is of an instance, from what stands on others to what they stand on, each kind side by side.
func RemoveAll(t *testing.T, e engine.Engine, instance string) {
	t.Helper()
	rs, err := e.Observe(context.Background(), instance)
	if err != nil {
		t.Errorf("clean up: %v", err)
	}
	byKind := map[engine.Kind][]engine.Resource{}
	for _, r := range rs {
		byKind[r.Kind] = append(byKind[r.Kind], r)
	}
	for _, kind := range []engine.Kind{engine.Filter, engine.Web, engine.Sandbox, engine.Volume, engine.Facts, engine.Gateway, engine.Socket} {
		each(t, byKind[kind], func(r engine.Resource) error { return e.Remove(context.Background(), r) })
	}
}

func (s Subject) put(t *testing.T, rs ...engine.Resource) {
	t.Helper()
	for _, r := range rs {
		if err := s.Engine.Put(context.Background(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func (s Subject) remove(t *testing.T, rs ...engine.Resource) {
	t.Helper()
	for _, r := range slices.Backward(rs) {
		if err := s.Engine.Remove(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// observe leaves images out: others may be there.
func (s Subject) observe(t *testing.T, instance string) []engine.Resource {
	t.Helper()
	rs, err := s.Engine.Observe(context.Background(), instance)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(rs, func(a, b engine.Resource) int {
		pair := []engine.Resource{b, a}
		if engine.Sort(pair); keyOf(pair[0]) == keyOf(b) && keyOf(a) != keyOf(b) {
			return 1
		}
		return -1
	}) {
		t.Errorf("not sorted: %v", ids(rs))
	}
	return withoutImages(rs)
}

func withoutImages(rs []engine.Resource) []engine.Resource {
	return slices.DeleteFunc(slices.Clone(rs), func(r engine.Resource) bool { return r.Kind == engine.Image })
}

func ids(rs []engine.Resource) []string {
	var names []string
	for _, r := range rs {
		names = append(names, r.Instance+" "+r.ID())
	}
	return names
}

func keyOf(r engine.Resource) memoryKey { return memoryKeyOf(r) }

// seen is what every engine must be able to tell of a resource.
type seen struct {
	ID, Instance string
	State        engine.State
	Labels       map[string]string
	Image        string
}

// asSeen is how resources must be observed. Labels by which an engine finds them again may be more than were given.
func asSeen(rs []engine.Resource, state engine.State, given []engine.Resource) []seen {
	var all []seen
	for _, r := range rs {
		s := seen{ID: r.ID(), Instance: r.Instance, State: state, Labels: maps.Clone(r.Labels)}
		if state == "" {
			s.State = r.State
		}
		if r.Sandbox != nil {
			s.Image = r.Sandbox.Image
		}
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		for _, g := range given {
			if keyOf(g) == keyOf(r) {
				maps.DeleteFunc(s.Labels, func(k, _ string) bool { _, asked := g.Labels[k]; return !asked })
			}
		}
		all = append(all, s)
	}
	return all
}

// holds checks that exactly these exist, all running.
func (s Subject) holds(t *testing.T, instance string, want []engine.Resource) {
	t.Helper()
	want = withoutImages(want)
	if d := cmp.Diff(asSeen(want, engine.Running, nil), asSeen(s.observe(t, instance), "", want)); d != "" {
		t.Errorf("observed: -want +got\n%s", d)
	}
}

func pick(t *testing.T, rs []engine.Resource, kind engine.Kind) engine.Resource {
	t.Helper()
	i := slices.IndexFunc(rs, func(r engine.Resource) bool { return r.Kind == kind })
	if i < 0 {
		t.Skipf("this engine has no %s", kind)
	}
	return rs[i]
}
