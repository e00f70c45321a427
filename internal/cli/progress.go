package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"maillab/internal/apply"
	"maillab/internal/engine"
	"maillab/internal/plan"
	"maillab/internal/screen"
)

// progress shows what apply does: a bar on a terminal, a line for each step off it, nothing with -q. The returned
// function must be called when apply has ended.
func (a *app) progress(p plan.Plan) (events func(apply.Event), finish func()) {
	switch {
	case a.flags.quiet || p.Empty():
		return nil, func() {}
	case screen.IsTerminal(a.Err) && a.Getenv("TERM") != "dumb":
		return a.bar(p)
	}
	return a.lines(), func() {}
}

// lines is progress for a log file.
func (a *app) lines() func(apply.Event) {
	return func(e apply.Event) {
		switch {
		case e.Line != "":
			fmt.Fprintf(a.Err, "  %s\n", e.Line)
		case e.State == apply.Done:
			fmt.Fprintf(a.Err, "%s %s\n", e.Step.Action, e.Step.Target.ID())
		case e.State == apply.Started && e.Step.Action == plan.Build:
			fmt.Fprintf(a.Err, "building the sandbox image: %s\n", e.Step.Reason)
		}
	}
}

// bar is progress for a person. What a long step says stands beside it.
func (a *app) bar(p plan.Plan) (func(apply.Event), func()) {
	container := mpb.New(mpb.WithOutput(screen.Raw(a.Err)), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
	var doing atomic.Value // what the bar says; mpb reads it from a goroutine of its own
	doing.Store("")
	bar := container.New(int64(len(p.Steps)), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return doing.Load().(string) }, decor.WC{C: decor.DindentRight})))
	events := func(e apply.Event) {
		switch {
		case e.Line != "":
			doing.Store(short(screen.Line(e.Line)))
		case e.State == apply.Started:
			doing.Store(short(fmt.Sprintf("%s %s", e.Step.Action, e.Step.Target.ID())))
		default:
			bar.Increment()
		}
	}
	return events, func() {
		bar.Abort(true)
		container.Wait()
	}
}

// short cuts a line so that a bar with it still fits a terminal of 80 columns.
func short(line string) string {
	const most = 36
	if r := []rune(line); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return line
}

// ended tells how an apply ended, and gives the exit code: nothing failed, some students' steps did, or all.
func (a *app) ended(ctx context.Context, result apply.Result, done string) error {
	if result.OK() {
		fmt.Fprintln(a.Err, done)
		return nil
	}
	for _, o := range result.Outcomes {
		if o.State == apply.Failed && (ctx.Err() == nil || !errors.Is(o.Err, ctx.Err())) { // what was cut short is no news
			fmt.Fprintf(a.Err, "maillab: %s: %v\n", o.Step.ID, o.Err)
		}
	}
	if ctx.Err() != nil {
		what, code := "interrupted", exitInterrupted
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			what, code = "timed out", exitTimeout
		}
		return &failure{err: fmt.Errorf("%s: %d of %d steps are done", what, result.Count(apply.Done), len(result.Outcomes)),
			code: code, hint: "the same command again finishes it; maillab down takes it away"}
	}
	seats, general := result.Incomplete()
	if general || len(seats) == seatsOf(result) {
		return silent(exitFailed)
	}
	fmt.Fprintf(a.Err, "maillab: %d of %d sandboxes are not done; the same command again tries them again\n", len(seats), seatsOf(result))
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
