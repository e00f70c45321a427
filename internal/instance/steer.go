package instance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/plan"
	"maillab/internal/spec"
)

// Connect returns a client of an instance's gateway. Nothing is dialled before the first request.
func Connect(e engine.Engine, name string) *control.Client {
	return control.NewClient(func(ctx context.Context) (net.Conn, error) { return e.Dial(ctx, name) })
}

// atOnce bounds requests to sandboxes that run side by side over one stream.
const atOnce = 64

// Each calls do for every sandbox side by side and returns their errors, by seat.
func Each(ctx context.Context, sandboxes []Sandbox, do func(ctx context.Context, s Sandbox) error) map[int]error {
	return each(ctx, sandboxes, atOnce, do)
}

// All is Each for what goes on for a long time: none waits for another's end.
func All(ctx context.Context, sandboxes []Sandbox, do func(ctx context.Context, s Sandbox) error) map[int]error {
	return each(ctx, sandboxes, len(sandboxes), do)
}

func each(ctx context.Context, sandboxes []Sandbox, limit int, do func(ctx context.Context, s Sandbox) error) map[int]error {
	var mu sync.Mutex
	failed := map[int]error{}
	var group errgroup.Group
	group.SetLimit(max(limit, 1))
	for _, s := range sandboxes {
		group.Go(func() error {
			if err := do(ctx, s); err != nil {
				mu.Lock()
				failed[s.Seat] = err
				mu.Unlock()
			}
			return nil
		})
	}
	_ = group.Wait()
	return failed
}

// askPatience bounds how long a sandbox may take to say how it is.
const askPatience = 2 * time.Second

// Specs asks the gateway and all running sandboxes for what they have: the hash of each spec by seat, and that of the
// doors under plan.DoorsSeat. What does not answer is not in the map.
func Specs(ctx context.Context, c *control.Client, i Instance) map[int]string {
	have := map[int]string{}
	if !i.Gateway {
		return have
	}
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	doors, err := c.Doors(ctx)
	if err != nil {
		return have
	}
	have[plan.DoorsSeat] = hashDoors(doors)
	running := slices.DeleteFunc(slices.Clone(i.Sandboxes), func(s Sandbox) bool { return s.State != engine.Running })
	var mu sync.Mutex
	Each(ctx, running, func(ctx context.Context, s Sandbox) error {
		ready, err := c.Seat(s.Seat).Ready(ctx)
		if err == nil && ready.State == control.StateReady {
			mu.Lock()
			have[s.Seat] = ready.Spec
			mu.Unlock()
		}
		return err
	})
	return have
}

// Steering is what apply needs of an instance's gateway while a plan is carried out. It implements apply.Control.
type Steering struct {
	client *control.Client
	doors  control.Doors
	specs  map[int]spec.Sandbox
	hash   func(password string) (string, error)
	look   func(ctx context.Context, seat int) error // says why a sandbox does not run; nil: nobody looks
	after  func(time.Duration) <-chan time.Time

	paint   func(ctx context.Context) error           // puts the doors with where seats are now; nil: there is one gateway
	back    func(ctx context.Context, seat int) error // puts back what a sandbox had elsewhere, if it had; nil: none had
	picture sync.Mutex                                // doors are put one after the other
	painted time.Duration                             // how long is waited before the next picture

	// Hashing costs 40 ms of a processor and 16 MiB each, and a class often shares one password.
	hashing *semaphore.Weighted
	mu      sync.Mutex
	hashes  map[string]func() (string, error)
}

// NewSteering steers towards a wish.
func NewSteering(c *control.Client, d Desired, hash func(password string) (string, error)) *Steering {
	return &Steering{
		client: c, doors: d.Doors, specs: d.Specs, hash: hash, after: time.After,
		hashing: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))), hashes: map[string]func() (string, error){},
	}
}

// gatewayPatience is how long a gateway that was just started may take until it serves its socket.
const gatewayPatience = 15 * time.Second

// PutDoors puts all doors, as soon as the gateway serves.
func (s *Steering) PutDoors(ctx context.Context) error {
	deadline := time.Now().Add(gatewayPatience)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := s.putDoors(ctx)
		var told *control.Error
		if err == nil || errors.As(err, &told) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (s *Steering) putDoors(ctx context.Context) error {
	if s.paint == nil {
		return s.client.PutDoors(ctx, s.doors)
	}
	return s.show(ctx, func() bool { return true })
}

// Configure sends a sandbox its spec as soon as it can be told. One that has it by then, from its volume, is left alone:
// a daemon that starts anew ends its sessions.
func (s *Steering) Configure(ctx context.Context, seat int) error {
	wanted := s.specs[seat]
	if err := s.reach(ctx, seat); err != nil {
		return err
	}
	if err := s.waitReady(ctx, seat, ""); err != nil {
		return err
	}
	if err := s.tell(ctx, seat, wanted); err != nil || s.back == nil {
		return err
	}
	return s.back(ctx, seat)
}

// tell sends a sandbox its spec, unless it has it.
func (s *Steering) tell(ctx context.Context, seat int, wanted spec.Sandbox) error {
	if ready, err := s.client.Seat(seat).Ready(ctx); err == nil && ready.Spec == wanted.Hash() {
		return nil
	}
	sealed, err := wanted.Seal(s.hashed)
	if err != nil {
		return err
	}
	return s.client.Seat(seat).PutSpec(ctx, sealed)
}

// WaitReady waits for a sandbox's own word, then dials each of its services once.
func (s *Steering) WaitReady(ctx context.Context, seat int) error {
	wanted := s.specs[seat]
	if err := s.reach(ctx, seat); err != nil {
		return err
	}
	if err := s.waitReady(ctx, seat, wanted.Hash()); err != nil {
		return err
	}
	probes, err := s.client.Seat(seat).Probe(ctx)
	if err != nil {
		return err
	}
	var silent []string
	for _, p := range probes {
		if p.Error != "" {
			silent = append(silent, fmt.Sprintf("%s (%s)", p.Service, p.Error))
		}
	}
	if len(silent) > 0 {
		return fmt.Errorf("sandbox %d says that it is ready, but these do not answer: %s", seat, strings.Join(silent, ", "))
	}
	return nil
}

// hashed hashes each distinct password once.
func (s *Steering) hashed(password string) (string, error) {
	s.mu.Lock()
	once := s.hashes[password]
	if once == nil {
		once = sync.OnceValues(func() (string, error) {
			_ = s.hashing.Acquire(context.Background(), 1) // it is bounded work, and never fails without a context's end
			defer s.hashing.Release(1)
			return s.hash(password)
		})
		s.hashes[password] = once
	}
	s.mu.Unlock()
	return once()
}
