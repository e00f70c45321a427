package deploy

import (
	"context"
	"fmt"
	"time"

	"maillab/internal/apply"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/plan"
)

// Nothing is kept of an instance.
func Nothing(engine.Resource) bool { return false }

// Remaining is the plan of a teardown as things are now; keep tells what stays, and stays whether anything does.
func Remaining(ctx context.Context, e engine.Engine, name string, keep func(engine.Resource) bool) (p plan.Plan, stays bool, err error) {
	actual, err := e.Observe(ctx, name)
	if err != nil {
		return p, false, err
	}
	actual = instance.InForce(actual)
	var kept []engine.Resource
	for _, r := range actual {
		if keep(r) && r.Kind != engine.Image {
			stays = true
			kept = append(kept, r)
		}
	}
	p = plan.Diff(kept, actual, nil, nil)
	for n := range p.Steps {
		p.Steps[n].Reason = "the instance is taken down"
	}
	return p, stays, nil
}

// Down takes an instance away, looks again, and takes away what has come meanwhile: an engine goes on for a while with what a
// killed command had begun. What stays nowhere is forgotten to be somewhere.
func (c Carrier) Down(ctx context.Context, h *instance.Held, e engine.Engine, name string, keep func(engine.Resource) bool) (result apply.Result, err error) {
	for round := 0; ; round++ {
		p, stays, err := Remaining(ctx, e, name, keep)
		if err != nil {
			return result, err
		}
		switch {
		case p.Empty() && !stays:
			return result, h.ForgetPlace(c.Now())
		case p.Empty():
			return result, h.KeepDown(c.Now())
		case round == mostRounds:
			return result, nil
		}
		if result = c.walk(ctx, p, apply.Config{Engine: e, Parallel: c.parallel(e)}); !result.OK() {
			return result, nil
		}
	}
}

// finishPatience is how long taking a disposable instance away may take.
const finishPatience = 2 * time.Minute

// Finish takes a disposable instance away, whatever became of ctx.
func (c Carrier) Finish(ctx context.Context, folder instance.Folder, o Outcome, keep func(engine.Resource) bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishPatience)
	defer cancel()
	h, err := folder.Lock(ctx, nil)
	if err != nil {
		return err
	}
	defer h.Release()
	c.Events = nil
	result, err := c.Down(ctx, h, o.Engine, o.Name, keep)
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		return fmt.Errorf("taking %s away: %w", o.Name, err)
	}
	if p, _, err := Remaining(ctx, o.Engine, o.Name, keep); err != nil || !p.Empty() {
		return fmt.Errorf("%s is not all gone: maillab -n %s down removes what is left", o.Name, o.Name)
	}
	return nil
}
