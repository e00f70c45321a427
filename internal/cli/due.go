package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/period"
)

func dueVerb(a *app) *cobra.Command {
	var tasks []string
	cmd := &cobra.Command{
		Use:   "due [STUDENT…] +TIME",
		Short: "Give students more time",
		Long: `Make the lab's tasks due so much later than the lab says, for some students or for all; +0m is as the lab says again. It counts
from the time in the lab, not from the last extension, and stays over a reset. What has passed late is judged anew by it.`,
		Example: `  maillab due alice +2d
  maillab due 3-5 +12h --task journal
  maillab due +30m`,
		Args:              commandline.Takes(1, 1000),
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			last := args[len(args)-1]
			more, plus := strings.CutPrefix(last, "+")
			by, err := period.Parse(more)
			if err != nil || !plus {
				return usagef("how much more time is a length of time behind a plus, such as +2d, not %q", last)
			}
			return runDue(cmd.Context(), a, args[:len(args)-1], control.Extension{Tasks: tasks, By: by})
		},
	}
	cmd.Flags().StringSliceVar(&tasks, "task", nil, "only this task; may be given several times")
	_ = cmd.RegisterFlagCompletionFunc("task", completion{a}.tasks)
	return cmd
}

func runDue(ctx context.Context, a *app, typed []string, e control.Extension) error {
	i, chosen, err := a.those(ctx, typed)
	if err != nil {
		return err
	}
	if err := a.hasTasks(i.Name, e.Tasks); err != nil {
		return err
	}
	failed := classroom.Extend(ctx, i, chosen, e)
	switch {
	case len(failed) > 0:
	case e.By == 0:
		a.Fprintf(a.Err, "%s: due as the lab says\n", chosen.Meant())
	default:
		a.Fprintf(a.Err, "%s: due %s later than the lab says\n", chosen.Meant(), period.Format(e.By.Truncate(time.Second)))
	}
	return a.failures(chosen.Sandboxes, failed)
}
