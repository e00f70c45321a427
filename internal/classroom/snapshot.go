package classroom

import (
	"context"
	"fmt"
	"sync"

	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/snapshot"
)

// Match verifies a snapshot's archives and finds each sandbox's: the one of its student, or else that of its seat, if
// that belongs to nobody else here.
func Match(store snapshot.Store, info snapshot.Info, chosen []instance.Sandbox) (from map[int]int, missing map[int]error, err error) {
	manifests, err := verifyAll(store, info)
	if err != nil {
		return nil, nil, err
	}
	from, missing = map[int]int{}, map[int]error{}
	for _, s := range chosen {
		seat, ok := pick(manifests, s)
		if !ok {
			missing[s.Seat] = fmt.Errorf("snapshot %s has no archive of %s", info.Name, s.Name())
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

func verifyAll(store snapshot.Store, info snapshot.Info) (map[int]snapshot.Manifest, error) {
	var mu sync.Mutex
	manifests, seats := map[int]snapshot.Manifest{}, make([]instance.Sandbox, len(info.Seats))
	for n, seat := range info.Seats {
		seats[n].Seat = seat
	}
	failed := instance.Each(context.Background(), seats, func(_ context.Context, s instance.Sandbox) error {
		f, err := store.Open(info.Name, s.Seat)
		if err != nil {
			return err
		}
		defer f.Close()
		m, err := snapshot.Verify(f)
		mu.Lock()
		manifests[s.Seat] = m
		mu.Unlock()
		return err
	})
	for seat, err := range failed {
		return nil, fmt.Errorf("snapshot %s, seat %d: %w; nothing was touched", info.Name, seat, err)
	}
	return manifests, nil
}

func Archived(store snapshot.Store, name string, seat int) ([]snapshot.Message, error) {
	f, err := store.Open(name, seat)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return snapshot.MessagesOf(f)
}

// MessagesNow is what the second snapshot holds, or the sandbox itself.
func MessagesNow(ctx context.Context, client *control.Client, store snapshot.Store, s instance.Sandbox, second []string) ([]snapshot.Message, error) {
	if len(second) == 1 {
		return Archived(store, second[0], s.Seat)
	}
	stream, err := client.Save(ctx, s.Seat, nil)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return snapshot.Messages(stream)
}
