package classroom

import (
	"context"
	"fmt"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/register"
)

// Results are what students did: as their sandboxes say, or, where nothing of the instance runs, as they said last.
type Results struct {
	Entries register.Register
	AsOf    time.Time // of what was kept; zero: it is of now
	Chosen  instance.Chosen
	Failed  map[int]error // sandboxes that did not answer
}

// keepPatience is how long somebody else may be at work on the instance before results are not kept.
const keepPatience = 10 * time.Second

// Ask has sandboxes check, and enters what they say in the register, where the instance was brought up from this folder. The
// error is that it was not entered.
func Ask(ctx context.Context, i deploy.Running, chosen instance.Chosen, request control.CheckRequest, folder instance.Folder, now time.Time) (r Results, unkept error) {
	r.Chosen = chosen
	r.Entries, r.Failed = Check(ctx, i, chosen, request, now)
	if !request.Since.IsZero() || len(request.Tasks) > 0 || !folder.Exists() {
		return r, nil
	}
	ctx, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	h, err := folder.Lock(ctx, nil)
	if err != nil {
		return r, err
	}
	defer h.Release()
	return r, h.Enter(r.Entries...)
}

// Read takes results of tasks from the register; none named are all.
func Read(name string, folder instance.Folder, chosen instance.Chosen, tasks []string) (r Results, err error) {
	entries, err := folder.Register()
	if err != nil {
		return r, err
	}
	r = Results{Chosen: chosen, Entries: entries.Some(chosen.Keys()).Tasks(tasks)}
	if r.AsOf = r.Entries.AsOf(); len(r.Entries) == 0 {
		return r, fmt.Errorf("%s is not up, and nothing is known of what its students did", name)
	}
	return r, nil
}

// In are the results of an epoch, which is typed as its number, or as a time that was in it; "" is the one that is under way.
func (r Results) In(typed string, zone *time.Location) (Results, error) {
	if typed == "" {
		return r, nil
	}
	when, err := ParseEpoch(typed, zone)
	if err != nil {
		return r, err
	}
	if r.Entries = r.Entries.In(when); len(r.Entries) == 0 {
		return r, fmt.Errorf("nobody has an epoch %s: check --history tells which there are", typed)
	}
	return r, nil
}
