package cli

import (
	"context"
	"math"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/control"
	"maillab/internal/period"
	"maillab/internal/screen"
)

func checkVerb(a *app) *cobra.Command {
	var tasks []string
	var since string
	cmd := &cobra.Command{
		Use:   "check [STUDENT…]",
		Short: "Run the lab's checks",
		Long: `Run the lab's checks for some or all students, inside their sandboxes, side by side. What has passed stays passed until
the next reset; what the teacher marked (maillab mark) stays as it was marked. The exit code is 4 when a task that was
checked has not passed.

-o json prints {"instance","students":[{"seat","student","passed","total","points","maximum","tasks":[{"id",
"state":"passed|failed|blocked|manual","points","given","seen","hint","comment"}]}]}; -o junit a JUnit report. Marks for a
gradebook are maillab grades. What was seen is told in the language of $LANG, French or English.`,
		Example: `  maillab check
  maillab check alice
  maillab check --task journal --since 30m
  maillab check -o junit > report.xml`,
		Annotations:       map[string]string{outputForms: "junit"},
		ValidArgsFunction: a.completeStudents,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := a.the(cmd.Context())
			if err != nil {
				return err
			}
			from, err := sinceTime(a, since, a.zone(i.Name))
			if err != nil {
				return err
			}
			if err := a.hasTasks(i.Name, tasks); err != nil {
				return err
			}
			return runCheck(cmd.Context(), a, i, args, control.CheckRequest{Tasks: tasks, Since: from})
		},
	}
	cmd.Flags().StringSliceVar(&tasks, "task", nil, "only this task; may be given several times")
	cmd.Flags().StringVar(&since, "since", "", "only what was done since: a length of time (30m, 2d), or a time (14:00 in the lab's time zone, 2026-03-26T14:00:00Z); nothing is remembered")
	_ = cmd.RegisterFlagCompletionFunc("task", a.completeTasks)
	return cmd
}

// outputForms is the annotation of a verb that has more output forms than the others.
const outputForms = "maillab.output"

// sinceTime reads --since: a time of day is one of today's in the lab's zone. Nothing was done since a time to come: it is
// a slip, or somebody else's zone.
func sinceTime(a *app, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	now := a.Now().In(zone)
	if d, err := period.Parse(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if t, err = time.Parse("15:04", text); err != nil {
			return t, usagef("--since %q is no length of time (30m, 2d) and no time (14:00, 2026-03-26T14:00:00Z)", text)
		}
		t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, zone)
	}
	if t.After(now) {
		return t, usagef("--since %s is yet to come: it is %s in the lab (%s)", text, now.Format("15:04"), zone)
	}
	return t, nil
}

func runCheck(ctx context.Context, a *app, i running, typed []string, request control.CheckRequest) error {
	chosen, err := a.some(i, typed)
	if err != nil {
		return err
	}
	result, failed, err := classroom.Check(ctx, i, chosen, request, a.folder(i.Name), a.Language)
	if err != nil {
		return err
	}
	told, err := classroom.NameCopies(a.folder(i.Name), result, a.Language)
	if err != nil {
		told = append(told, err.Error())
	}
	a.mention(told)
	if request.Since.IsZero() && len(request.Tasks) == 0 && chosen.All() && len(failed) == 0 {
		if err := keepResults(ctx, a, i.Name, result); err != nil {
			a.Fprintf(a.Err, "maillab: the results are not kept: %v\n", err)
		}
	}
	if err := printCheck(a, result, len(typed) == 1); err != nil {
		return err
	}
	if err := a.failures(chosen.Sandboxes, failed); err != nil {
		return err
	}
	for _, s := range result.Students {
		if s.Passed < len(s.Tasks) {
			return silent(exitChecks)
		}
	}
	return nil
}

// keepPatience is how long somebody else may be at work on the instance before results are not kept.
const keepPatience = 10 * time.Second

// keepResults keeps the results where the instance was brought up.
func keepResults(ctx context.Context, a *app, name string, result classroom.Checked) error {
	if !a.folder(name).Exists() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	h, err := a.folder(name).Lock(ctx, nil)
	if err != nil {
		return err
	}
	defer h.Release()
	return h.KeepResults(result)
}

// printCheck prints in the form that was asked for. A single student's table has a row a task.
func printCheck(a *app, result classroom.Checked, single bool) error {
	switch {
	case a.flags.output == "junit":
		return classroom.JUnit(a.Out, result)
	case single && len(result.Students) == 1:
		header, rows := result.Students[0].Table(a.room(160))
		return a.print(list{value: result, header: header, rows: rows})
	}
	header, rows := result.Table(a.room(60))
	return a.print(list{value: result, header: header, rows: rows})
}

// room is how many characters of a text a table's cell takes: so many on a terminal, all of them elsewhere.
func (a *app) room(most int) int {
	if screen.IsTerminal(a.Out) {
		return most
	}
	return math.MaxInt
}
