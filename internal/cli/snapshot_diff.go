package cli

import (
	"context"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/instance"
	"maillab/internal/listing"
)

func snapshotDiff(a *app, names *[]string) *cobra.Command {
	return &cobra.Command{
		Use:   "diff SNAPSHOT [SNAPSHOT]",
		Short: "Messages gained and lost since a snapshot, or between two, and tasks that stand otherwise",
		Long: `Messages gained and lost since a snapshot, or from the first to the second, per account, and the tasks that stand
otherwise: passed, failed, as the teacher marked them.

-o json prints {"changes":[{"seat","student","kind","account","box","from","subject","date"}],"tasks":[{"student","task",
"before","after"}]}; kind is gained or lost. -o csv prints the messages.`,
		Args:              commandline.Takes(1, 2),
		ValidArgsFunction: first(2, completion{a}.snapshots),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			i, chosen, err := a.those(ctx, *names)
			if err != nil {
				return err
			}
			return diffAll(ctx, a, i, chosen.Sandboxes, args)
		},
	}
}

func diffAll(ctx context.Context, a *app, i running, chosen []instance.Sandbox, names []string) error {
	store := snapshotsIn(a, i.Name)
	for _, name := range names {
		if _, err := store.Find(name); err != nil {
			return usage(err)
		}
	}
	d, failed := classroom.Differ(ctx, i, chosen, store, names)
	messages, tasks := listing.List{Value: d}, listing.List{}
	messages.Header, messages.Rows = d.Messages()
	tasks.Header, tasks.Rows = d.Turns()
	if err := printDiff(a, messages, tasks, len(failed) == 0); err != nil {
		return err
	}
	return a.failures(chosen, failed)
}

// printDiff prints messages and, for people, tasks; whole is false when some sandboxes did not answer.
func printDiff(a *app, messages, tasks listing.List, whole bool) error {
	table := a.flags.output == "table"
	switch {
	case table && whole && len(messages.Rows)+len(tasks.Rows) == 0:
		a.Fprintln(a.Err, "no difference: the same messages are in the mailboxes, and tasks stand as they did")
	case table && whole && len(messages.Rows) == 0:
		a.Fprintln(a.Err, "the same messages are in the mailboxes")
	default:
		if err := a.print(messages); err != nil {
			return err
		}
	}
	if !table || len(tasks.Rows) == 0 {
		return nil
	}
	return a.print(tasks)
}
