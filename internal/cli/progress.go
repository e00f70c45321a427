package cli

import (
	"context"
	"errors"
	"fmt"

	"maillab/internal/apply"
	"maillab/internal/commandline"
	"maillab/internal/engine"
	"maillab/internal/plan"
	"maillab/internal/screen"
	"maillab/internal/steps"
)

// progress shows what apply does: a bar on a terminal, a line for each step off it, nothing with -q. The returned
// function must be called when apply has ended.
func (a *app) progress(p plan.Plan) (events func(apply.Event), finish func()) {
	switch {
	case a.flags.quiet || p.Empty():
		return nil, func() {}
	case screen.IsTerminal(a.Err) && a.Getenv("TERM") != "dumb":
		return steps.Bar(a.Err, a.Tongue, p)
	}
	return steps.Lines(a.Err, a.Tongue), func() {}
}

// ended tells how an apply ended, and gives the exit code: nothing failed, some students' steps did, or all.
func (a *app) ended(ctx context.Context, result apply.Result, done string) error {
	if result.OK() {
		a.Fprintln(a.Err, done)
		return nil
	}
	for _, o := range result.Outcomes {
		if o.State == apply.Failed && (ctx.Err() == nil || !errors.Is(o.Err, ctx.Err())) { // what was cut short is no news
			a.Fprintf(a.Err, "maillab: %s: %v\n", a.Text(string(o.Step.ID)), o.Err)
		}
	}
	if ctx.Err() != nil {
		what, code := "interrupted", exitInterrupted
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			what, code = "timed out", exitTimeout
		}
		return &commandline.Error{Err: fmt.Errorf("%s: %d of %d steps are done", what, result.Count(apply.Done), len(result.Outcomes)),
			Code: code, Mend: "the same command again finishes it; maillab down takes it away"}
	}
	seats, general := result.Incomplete()
	if general || len(seats) == seatsOf(result) {
		return silent(exitFailed)
	}
	a.Fprintf(a.Err, "maillab: %d of %d sandboxes are not done; the same command again tries them again\n", len(seats), seatsOf(result))
	return silent(exitPartly)
}

// seatsOf counts the seats that a result is about.
func seatsOf(result apply.Result) int {
	seats := map[int]bool{}
	for _, o := range result.Outcomes {
		if o.Step.Target.Kind == engine.Sandbox {
			seats[o.Step.Seat] = true
		}
	}
	return len(seats)
}
