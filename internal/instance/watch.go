package instance

import (
	"context"
	"fmt"
	"time"

	"maillab/internal/engine"
)

// silence is how long a sandbox may take to become what it should until the engine is asked whether it runs at all.
const silence = 30 * time.Second

// lastLines are what is shown of the log of a sandbox that does not stay up.
const lastLines = 5

// Watch lets the engine be asked about sandboxes that keep up waiting: one that does not run, because it ends as often as
// it is started, will not get ready.
func (s *Steering) Watch(e engine.Engine, name string) {
	s.look = func(ctx context.Context, seat int) error { return runs(ctx, e, name, seat) }
}

// runs tells why a sandbox is not there. What cannot be told is no reason to give up.
func runs(ctx context.Context, e engine.Engine, name string, seat int) error {
	resources, err := e.Observe(ctx, name)
	if err != nil {
		return nil
	}
	for _, r := range resources {
		if r.Kind == engine.Sandbox && r.Seat == seat && r.State == engine.Running {
			return nil
		}
	}
	said := ""
	if witness, ok := e.(engine.LastWords); ok {
		said, _ = witness.LastWords(ctx, name, seat, lastLines)
	}
	if said == "" {
		return fmt.Errorf("sandbox %d does not stay up", seat)
	}
	return fmt.Errorf("sandbox %d does not stay up; the last that it said:\n%s", seat, said)
}

// waitReady is the client's WaitReady, which ends when the sandbox is found not to run.
func (s *Steering) waitReady(ctx context.Context, seat int, spec string) error {
	if s.look == nil {
		return s.client.Seat(seat).WaitReady(ctx, spec)
	}
	watched, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		for {
			select {
			case <-watched.Done():
				return
			case <-s.after(silence):
			}
			if err := s.look(watched, seat); err != nil {
				end(err)
				return
			}
		}
	}()
	err := s.client.Seat(seat).WaitReady(watched, spec)
	if err != nil && ctx.Err() == nil && watched.Err() != nil {
		return context.Cause(watched)
	}
	return err
}
