package classroom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/snapshot"
)

// Match verifies a snapshot's archives and finds each sandbox's: the one of its student, or else that of its seat, if
// that belongs to nobody else here.
func Match(ctx context.Context, store snapshot.Store, info snapshot.Info, chosen []instance.Sandbox) (from map[int]int, missing map[int]error, err error) {
	manifests, err := verifyAll(ctx, store, info)
	if err != nil {
		return nil, nil, err
	}
	from, missing = map[int]int{}, map[int]error{}
	for _, s := range chosen {
		seat, ok := pick(manifests, s)
		if !ok {
			missing[s.Seat] = fmt.Errorf("snapshot %s has no archive of %s", info.Name, s.Name())
			continue
		}
		from[s.Seat] = seat
	}
	return from, missing, nil
}

func pick(manifests map[int]snapshot.Manifest, s instance.Sandbox) (seat int, ok bool) {
	for seat, m := range manifests {
		if s.Seat != 0 && len(m.Students) == 1 && len(s.Students) == 1 && m.Students[0] == s.Students[0] {
			return seat, true
		}
	}
	m, ok := manifests[s.Seat]
	return s.Seat, ok && (s.Seat == 0 || len(m.Students) == 0)
}

func verifyAll(ctx context.Context, store snapshot.Store, info snapshot.Info) (map[int]snapshot.Manifest, error) {
	var mu sync.Mutex
	manifests, seats := map[int]snapshot.Manifest{}, make([]instance.Sandbox, len(info.Seats))
	for n, seat := range info.Seats {
		seats[n].Seat = seat
	}
	failed := instance.Each(ctx, seats, func(ctx context.Context, s instance.Sandbox) error {
		f, err := store.Open(info.Name, s.Seat)
		if err != nil {
			return err
		}
		defer f.Close()
		m, err := snapshot.Verify(until{ctx, f})
		mu.Lock()
		manifests[s.Seat] = m
		mu.Unlock()
		return err
	})
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), fmt.Errorf("snapshot %s: nothing was touched", info.Name))
	}
	for seat, err := range failed {
		return nil, fmt.Errorf("snapshot %s, seat %d: %w; nothing was touched", info.Name, seat, err)
	}
	return manifests, nil
}

// until reads as long as nobody has had enough of it: an archive may be gigabytes.
type until struct {
	ctx context.Context //nolint:containedctx // it lives as long as one read of one archive
	in  io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.in.Read(p)
}

// Restore puts a sandbox back to an archive of a snapshot.
func Restore(ctx context.Context, client *control.Client, store snapshot.Store, name string, archived, seat int, what control.Restore) (control.ResetReport, error) {
	f, err := store.Open(name, archived)
	if err != nil {
		return control.ResetReport{}, err
	}
	defer f.Close()
	r, w := io.Pipe()
	go func() { w.CloseWithError(snapshot.Stream(w, f)) }()
	defer r.Close()
	return client.Seat(seat).Restore(ctx, what, r)
}

// Archived is what a snapshot holds of one sandbox.
func Archived(store snapshot.Store, name string, seat int) (snapshot.Content, error) {
	f, err := store.Open(name, seat)
	if err != nil {
		return snapshot.Content{}, err
	}
	defer f.Close()
	return snapshot.Archived(f)
}

// ContentNow is what the second snapshot holds, or the sandbox itself.
func ContentNow(ctx context.Context, client *control.Client, store snapshot.Store, s instance.Sandbox, second []string) (snapshot.Content, error) {
	if len(second) == 1 {
		return Archived(store, second[0], s.Seat)
	}
	stream, err := client.Seat(s.Seat).Save(ctx, nil)
	if err != nil {
		return snapshot.Content{}, err
	}
	defer stream.Close()
	return snapshot.ContentOf(stream)
}
