package classroom

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/progress"
	"maillab/internal/register"
	"maillab/internal/snapshot"
)

// TakeSnapshot takes one, of all sandboxes side by side. When some fail the others' archives are kept all the same.
func TakeSnapshot(ctx context.Context, i deploy.Running, picked instance.Chosen, store snapshot.Store, name string, now time.Time) (failed map[int]error, err error) {
	draft, err := store.Begin(name)
	if err != nil {
		return nil, err
	}
	defer draft.Abort()
	client := i.Client()
	defer client.Close()
	failed = instance.Each(ctx, picked.Sandboxes, Awake(func(ctx context.Context, s instance.Sandbox) error {
		stream, err := client.Seat(s.Seat).Save(ctx, picked.Of(s))
		if err != nil {
			return err
		}
		defer stream.Close()
		about := snapshot.Manifest{Lab: i.Lab, Instance: i.Name, Seat: s.Seat, Students: picked.Students(s), Time: now.UTC()}
		return draft.Put(s.Seat, func(w io.Writer) error {
			_, err := snapshot.Write(w, about, stream)
			return err
		})
	}))
	if len(failed) == len(picked.Sandboxes) || ctx.Err() != nil {
		return failed, ctx.Err()
	}
	return failed, draft.Commit()
}

// rescuePatience bounds what may be done for students before what is theirs goes.
const rescuePatience = 10 * time.Minute

// Rescue takes a snapshot of those who lose their mail, and enters in the register what they did. failed has the sandboxes of
// which there is no archive in it.
func Rescue(ctx context.Context, h *instance.Held, i deploy.Running, leaving instance.Chosen, now time.Time) (name string, failed map[int]error, err error) {
	ctx, cancel := context.WithTimeout(ctx, rescuePatience)
	defer cancel()
	name = "leaving-" + now.UTC().Format("20060102-150405")
	entries, _ := Check(ctx, i, leaving, control.CheckRequest{NoRuns: true}, now)
	failed, err = TakeSnapshot(ctx, i, leaving, snapshot.Store{Dir: h.Snapshots()}, name, now)
	return name, failed, errors.Join(err, h.Enter(entries...))
}

// KeepLast enters in the register what sandboxes know before they go. failed has those that did not answer.
func KeepLast(ctx context.Context, h *instance.Held, i deploy.Running, now time.Time) (failed map[int]error, err error) {
	ctx, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	seats, err := h.Seats()
	if err != nil {
		return nil, err
	}
	everybody, err := i.Choose(i.People(seats), nil)
	if err != nil {
		return nil, err
	}
	entries, failed := Check(ctx, i, everybody, control.CheckRequest{NoRuns: true}, now)
	if len(entries) == 0 {
		return failed, nil
	}
	return failed, h.Enter(entries...)
}

// lastPatience bounds how long a sandbox that is going to be removed is waited for.
const lastPatience = 20 * time.Second

// GoOn hands sandboxes that are new what the register has of their students' work, and returns those who had done something and go on from it.
func GoOn(ctx context.Context, i deploy.Running, entries register.Register) (students []string, failed map[int]error) {
	client := i.Client()
	defer client.Close()
	var mu sync.Mutex
	failed = instance.Each(ctx, i.Sandboxes, Awake(func(ctx context.Context, s instance.Sandbox) error {
		work := map[string]progress.History{}
		for _, e := range entries.Some(s.Students) {
			work[e.Student] = e.History
		}
		if len(work) == 0 {
			return nil
		}
		adopted, err := client.Seat(s.Seat).Adopt(ctx, work)
		mu.Lock()
		defer mu.Unlock()
		students = append(students, slices.DeleteFunc(adopted, func(key string) bool { return work[key].Empty() })...)
		return err
	}))
	slices.Sort(students)
	return students, failed
}
