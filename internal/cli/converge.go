package cli

import (
	"context"

	"maillab/internal/apply"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/plan"
)

// mostRounds bounds how often converge looks again: what is still not there then is told as it is.
const mostRounds = 3

// converge carries a plan out, looks again, and carries out what is left. There is something left when an earlier
// command was killed: its engine goes on for a while with what it had begun, and nothing shows that.
func (a *app) converge(ctx context.Context, p plan.Plan, config apply.Config, diff func(context.Context) (plan.Plan, error)) (apply.Result, error) {
	for round := 1; ; round++ {
		var finish func()
		config.Events, finish = a.progress(p)
		result := apply.Run(ctx, p, config)
		finish()
		if p.Empty() || !result.OK() || round == mostRounds {
			return result, nil
		}
		next, err := diff(ctx)
		if err != nil || next.Empty() {
			return result, err
		}
		p = next
	}
}

// remaining is the plan of a teardown as things are now; keep tells what stays.
func remaining(ctx context.Context, e engine.Engine, name string, keep func(engine.Resource) bool) (plan.Plan, error) {
	actual, err := e.Observe(ctx, name)
	if err != nil {
		return plan.Plan{}, err
	}
	actual = instance.InForce(actual)
	var kept []engine.Resource
	for _, r := range actual {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	p := plan.Diff(kept, actual, nil, nil)
	for n := range p.Steps {
		p.Steps[n].Reason = "the instance is taken down"
	}
	return p, nil
}
