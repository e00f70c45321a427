package cli

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/control"
	"maillab/internal/listing"
	"maillab/internal/screen"
)

func checkVerb(a *app) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [STUDENT…]",
		Short: "Run the lab's checks",
		Long: `Run the lab's checks for some or all students, inside their sandboxes, side by side. What has passed stays passed until
the next reset; what the teacher marked (maillab mark) stays as it was marked. The exit code is 4 when a task that was
checked has not passed.

A reset begins a new epoch for a student. How tasks stood in an earlier one tells --epoch, and how each came to stand so
--history. Where nothing of the instance runs, all of it is told as the sandboxes said last, which is when the instance was
taken down.

-o json prints {"instance","students":[{"seat","student","passed","total","points","maximum","tasks":[{"id",
"state":"passed|failed|blocked|manual","points","given","seen","hint","comment"}]}]}, and "asOf" where nothing runs; with
--history {"instance","students":[{"seat","student","epochs":[{"epoch","start","end","restored","passed","tasks":[{"id",
"state","at","tookSeconds","lateSeconds","tries","attempts","mark","said"}]}]}]}. -o junit a JUnit report. Marks for a
gradebook are maillab grades. What was seen is told in the language of $LANG, French or English.`,
		Example: `  maillab check
  maillab check alice
  maillab check --task journal --since 30m
  maillab check --history alice
  maillab check --epoch 1
  maillab check -o junit > report.xml`,
		Annotations:       map[string]string{outputForms: "junit"},
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCheck(cmd.Context(), a, args, f)
		},
	}
	cmd.Flags().StringSliceVar(&f.tasks, "task", nil, "only this task; may be given several times")
	cmd.Flags().StringVar(&f.since, "since", "", "only what was done since: a length of time (30m, 2d), or a time (14:00 in the lab's time zone, 2026-03-26T14:00:00Z); nothing is remembered")
	cmd.Flags().StringVar(&f.epoch, "epoch", "", "how tasks stood in an earlier epoch: its number, or a time in it (2026-03-26, 2026-03-26 14:00)")
	cmd.Flags().BoolVar(&f.history, "history", false, "all epochs: when each task passed, how long it took, how many tries, what the teacher said")
	cmd.MarkFlagsMutuallyExclusive("since", "epoch", "history")
	_ = cmd.RegisterFlagCompletionFunc("task", completion{a}.tasks)
	return cmd
}

// outputForms is the annotation of a verb that has more output forms than the others.
const outputForms = "maillab.output"

// checkFlags are what check was told.
type checkFlags struct {
	tasks   []string
	since   string
	epoch   string
	history bool
}

// request is what the sandboxes are asked. Who wants to know of the past has nothing run.
func (f checkFlags) request(c class) (r control.CheckRequest, err error) {
	if r.Since, err = classroom.SinceTime(f.since, c.Now().In(c.zone(c.Name))); err != nil {
		return r, usage(err)
	}
	r.Tasks, r.NoRuns = f.tasks, f.history || f.epoch != ""
	return r, c.hasTasks(c.Name, f.tasks)
}

func runCheck(ctx context.Context, a *app, typed []string, f checkFlags) error {
	c, err := a.class(ctx)
	if err != nil {
		return err
	}
	return c.check(ctx, typed, f)
}

func (c class) check(ctx context.Context, typed []string, f checkFlags) error {
	a := c.app
	request, err := f.request(c)
	if err != nil {
		return err
	}
	r, err := c.results(ctx, typed, request)
	if err != nil {
		return err
	}
	if r, err = r.In(f.epoch, c.zone(c.Name)); err != nil {
		return usage(err)
	}
	if f.history {
		return errors.Join(c.printHistory(r), a.failures(r.Chosen.Sandboxes, r.Failed))
	}
	result := classroom.Result(c.Name, r.Entries, a.Language)
	result.AsOf = r.AsOf
	told, err := classroom.NameCopies(a.folder(c.Name), result, a.Language)
	if err != nil {
		told = append(told, err.Error())
	}
	a.mention(told)
	if err := printCheck(a, result, len(typed) == 1); err != nil {
		return err
	}
	if err := a.failures(r.Chosen.Sandboxes, r.Failed); err != nil {
		return err
	}
	for _, s := range result.Students {
		if s.Passed < len(s.Tasks) {
			return silent(exitChecks)
		}
	}
	return nil
}

// printHistory prints how tasks came to stand as they do.
func (c class) printHistory(r classroom.Results) error {
	h := classroom.HistoryOf(c.Name, r.Entries)
	h.AsOf = r.AsOf
	header, rows := h.Table(c.zone(c.Name))
	return c.print(listing.List{Value: h, Header: header, Rows: rows})
}

// printCheck prints in the form that was asked for. A single student's table has a row a task.
func printCheck(a *app, result classroom.Checked, single bool) error {
	switch {
	case a.flags.output == "junit":
		return classroom.JUnit(a.Out, result)
	case single && len(result.Students) == 1:
		header, rows := result.Students[0].Table(room(a.Out, 160))
		return a.print(listing.List{Value: result, Header: header, Rows: rows})
	}
	header, rows := result.Table(room(a.Out, 60))
	return a.print(listing.List{Value: result, Header: header, Rows: rows})
}

// room is how many characters of a text a table's cell takes: so many on a terminal, all of them elsewhere.
func room(out io.Writer, most int) int {
	if screen.IsTerminal(out) {
		return most
	}
	return math.MaxInt
}
