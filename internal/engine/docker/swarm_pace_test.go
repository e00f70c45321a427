package docker

import (
	"testing"
	"time"
)

// TestLooksArePaced: all look at the same moment, and where a look takes long, most of the time nobody looks.
func TestLooksArePaced(t *testing.T) {
	m := &manager{}
	start := time.Unix(1000, 0)
	next := func(after time.Duration) time.Duration { return after + m.untilNext(start.Add(after)) }
	if next(0) != look || next(look/2) != look || next(look) != 2*look {
		t.Error(next(0), next(look/2), next(look))
	}
	m.took.Store(int64(time.Second))
	if next(0) != lookShare*time.Second || next(time.Second) != lookShare*time.Second {
		t.Error(next(0), next(time.Second))
	}
}

// TestSweepsAreGathered: what is wanted removed while others still come is one job, and one of all volumes has those of names in it.
func TestSweepsAreGathered(t *testing.T) {
	b := &batch{}
	s := &sweeps{waiting: map[string]*batch{"monday": b}}
	for _, names := range [][]string{{"a", "b"}, {"c"}, nil} {
		if s.add(t.Context(), "monday", names) != b {
			t.Fatalf("%v is another job", names)
		}
	}
	if len(b.names) != 3 || !b.all || s.take("monday", b) {
		t.Errorf("%+v begins at once", b)
	}
	b.added = time.Now().Add(-gather)
	if !s.take("monday", b) || s.waiting["monday"] != nil {
		t.Errorf("%+v does not begin", b)
	}
}
