// Package steps shows the steps of a plan while they are carried out.
package steps

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"maillab/internal/apply"
	"maillab/internal/plan"
	"maillab/internal/say"
	"maillab/internal/screen"
)

// Lines is progress for a log file.
func Lines(out io.Writer, t say.Tongue) func(apply.Event) {
	return func(e apply.Event) {
		switch {
		case e.Line != "":
			t.Fprintln(out, "  "+e.Line)
		case e.State == apply.Done:
			t.Fprintln(out, doing(e.Step))
		case e.State == apply.Started && e.Step.Action == plan.Build:
			t.Fprintf(out, "building the sandbox image: %s\n", e.Step.Reason)
		}
	}
}

// doing is a step in words.
func doing(s plan.Step) string { return fmt.Sprintf("%s %s", s.Action, s.Target.ID()) }

// beside is how much may stand beside a bar, in characters, so that the line fits a terminal of 80 columns.
const beside = 36

// Bar is progress for a person. What a long step says stands beside it. The second function is to be called at the end.
func Bar(out io.Writer, t say.Tongue, p plan.Plan) (func(apply.Event), func()) {
	container := mpb.New(mpb.WithOutput(screen.Raw(out)), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
	var now atomic.Value // what the bar says; mpb reads it from a goroutine of its own
	now.Store("")
	bar := container.New(int64(len(p.Steps)), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return now.Load().(string) }, decor.WC{C: decor.DindentRight})))
	events := func(e apply.Event) {
		switch {
		case e.Line != "":
			now.Store(screen.Shortened(t.Text(screen.Line(e.Line)), beside))
		case e.State == apply.Started:
			now.Store(screen.Shortened(t.Text(doing(e.Step)), beside))
		default:
			bar.Increment()
		}
	}
	return events, func() {
		bar.Abort(true)
		container.Wait()
	}
}
