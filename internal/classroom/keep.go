package classroom

import (
	"context"
	"errors"
	"io"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
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
		stream, err := client.Save(ctx, s.Seat, picked.Of(s))
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
