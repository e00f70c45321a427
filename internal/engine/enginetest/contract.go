package enginetest

// The contract, a function for each promise; Suite lists them.

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"maillab/internal/engine"
)

func nothing(t *testing.T, s Subject) {
	if rs := s.observe(t, s.Name("nobody")); len(rs) > 0 {
		t.Errorf("observed %v", ids(rs))
	}
}

func roundTrip(t *testing.T, s Subject) {
	class := s.class(t, "round", 2)
	s.put(t, class...)
	s.holds(t, s.Name("round"), class)
	all, err := s.Engine.Observe(context.Background(), s.Name("round"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range class {
		known := func(o engine.Resource) bool { return keyOf(o) == keyOf(r) }
		if r.Kind == engine.Image && !slices.ContainsFunc(all, known) {
			t.Errorf("%s is not observed", r.ID())
		}
	}
}

func putTwice(t *testing.T, s Subject) {
	class := s.class(t, "twice", 2)
	s.put(t, class...)
	s.put(t, class...)
	s.holds(t, s.Name("twice"), class)
}

func removeTwice(t *testing.T, s Subject) {
	class := withoutImages(s.class(t, "gone", 2))
	s.remove(t, class...)
	s.put(t, s.Class(t, s.Name("gone"), 2)...)
	s.remove(t, class...)
	s.holds(t, s.Name("gone"), nil)
	s.remove(t, class...)
}

func twoInstances(t *testing.T, s Subject) {
	one := s.class(t, "one", 1)
	s.put(t, one...)
	two := s.class(t, "two", 1) // after one is put: its network is taken
	s.put(t, two...)
	s.holds(t, s.Name("one"), one)
	s.holds(t, s.Name("two"), two)
	all := ids(s.observe(t, ""))
	for _, id := range ids(withoutImages(slices.Concat(one, two))) {
		if !slices.Contains(all, id) {
			t.Errorf("%s is not among all instances", id)
		}
	}
	s.remove(t, withoutImages(one)...)
	s.holds(t, s.Name("one"), nil)
	s.holds(t, s.Name("two"), two)
}

func stopped(t *testing.T, s Subject) {
	if s.Stop == nil {
		t.Skip("nothing can be stopped on this engine")
	}
	class := s.class(t, "stopped", 1)
	s.put(t, class...)
	for _, kind := range []engine.Kind{engine.Gateway, engine.Sandbox} {
		r := pick(t, class, kind)
		s.Stop(t, r)
		for _, o := range s.observe(t, r.Instance) {
			if want := o.Kind == kind; want != (o.State == engine.Stopped) {
				t.Errorf("after %s was stopped, %s is %s", r.ID(), o.ID(), o.State)
			}
		}
		s.put(t, r)
		s.holds(t, r.Instance, class)
	}
}

func recreated(t *testing.T, s Subject) {
	class := s.class(t, "anew", 2)
	s.put(t, class...)
	r := pick(t, class, engine.Sandbox)
	s.remove(t, r)
	left := slices.DeleteFunc(slices.Clone(class), func(o engine.Resource) bool { return keyOf(o) == keyOf(r) })
	s.holds(t, r.Instance, left)
	r.Labels = maps.Clone(r.Labels)
	r.Labels[engine.LabelSpec] = "another"
	s.put(t, r)
	s.holds(t, r.Instance, append(left[:slices.IndexFunc(left, func(o engine.Resource) bool {
		return o.Kind == engine.Sandbox
	})], append([]engine.Resource{r}, left[len(left)-1])...))
}

// atTheSameTime puts the seats side by side, each twice, and removes them so.
func atTheSameTime(t *testing.T, s Subject) {
	class := s.class(t, "many", 4)
	var seats []engine.Resource
	for _, r := range class {
		if r.Kind == engine.Sandbox {
			seats = append(seats, r, r)
			continue
		}
		s.put(t, r)
	}
	each(t, seats, func(r engine.Resource) error { return s.Engine.Put(context.Background(), r, nil) })
	s.holds(t, s.Name("many"), class)
	each(t, seats, func(r engine.Resource) error { return s.Engine.Remove(context.Background(), r) })
	s.holds(t, s.Name("many"), slices.DeleteFunc(class, func(r engine.Resource) bool { return r.Kind == engine.Sandbox }))
}

func each(t *testing.T, rs []engine.Resource, do func(engine.Resource) error) {
	t.Helper()
	var group sync.WaitGroup
	for _, r := range rs {
		group.Go(func() {
			if err := do(r); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// dial makes requests over two streams at a time. Any answer will do: what is asked for is the gateway's business.
func dial(t *testing.T, s Subject) {
	class := s.class(t, "dial", 1)
	s.put(t, class...)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			conn, err := s.dialUntilServed(t, s.Name("dial"))
			if err != nil {
				t.Error(err)
				return
			}
			if err := conn.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	group.Wait()
	gateway := pick(t, class, engine.Gateway)
	s.remove(t, gateway)
	if conn, err := s.Engine.Dial(context.Background(), gateway.Instance); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("after the gateway was removed: %v, %v", conn, err)
	}
}

// dialUntilServed dials until a request is answered: a gateway that has only just been started may not serve yet.
func (s Subject) dialUntilServed(t *testing.T, instance string) (net.Conn, error) {
	t.Helper()
	for {
		conn, err := s.Engine.Dial(t.Context(), instance)
		if err != nil {
			return nil, err
		}
		if err = get(t.Context(), conn); err == nil {
			return conn, nil
		}
		conn.Close()
		if t.Context().Err() != nil {
			return nil, err
		}
	}
}

func get(ctx context.Context, conn net.Conn) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return conn, nil
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway/", nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func dialNobody(t *testing.T, s Subject) {
	if conn, err := s.Engine.Dial(context.Background(), s.Name("nobody")); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("%v, %v", conn, err)
	}
}

func cancelled(t *testing.T, s Subject) {
	class := s.class(t, "cancelled", 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Engine.Observe(ctx, s.Name("cancelled")); !errors.Is(err, context.Canceled) {
		t.Errorf("observe: %v", err)
	}
	for _, r := range withoutImages(class) {
		if err := s.Engine.Put(ctx, r, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("put %s: %v", r.ID(), err)
		}
		if err := s.Engine.Remove(ctx, r); !errors.Is(err, context.Canceled) {
			t.Errorf("remove %s: %v", r.ID(), err)
		}
	}
	if _, err := s.Engine.Dial(ctx, s.Name("cancelled")); !errors.Is(err, context.Canceled) {
		t.Errorf("dial: %v", err)
	}
	s.holds(t, s.Name("cancelled"), nil)
}
