package cli

import (
	"context"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/listing"
	"maillab/internal/request"
	"maillab/internal/screen"
)

func statusVerb(a *app) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "status [STUDENT…]",
		Short: "State, addresses and messages of each student's sandbox",
		Long: `State, addresses and messages of each student's sandbox.

-o json prints {"instance","lab","engine","topology","sandboxes":[{"seat","student","state","addresses":{"ssh","smtp",
"pop3","imap"},"accounts":[{"name","messages","unread"}],"tasks":{"passed","total"}}]}. A shared sandbox is one item with seat 0, "students", and each
student's part in "each":[{"seat","student","accounts","tasks"}]; its table has a row a student.
States: ready, starting, unconfigured, unreachable (it runs but does not answer), stopped, paused, missing (somebody removed
the container; its mail and homes are there).

Whose mail server its student has stopped is said, too, and where faults that you have put in force still are: in -o json
"stopped", and "faults", their number.`,
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			return screen.Again(cmd.Context(), a.Out, watch, func(ctx context.Context) error { return showStatus(ctx, a, args) })
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "again every two seconds, until Ctrl-C")
	return cmd
}

func showStatus(ctx context.Context, a *app, names []string) error {
	i, chosen, err := a.those(ctx, names)
	if err != nil {
		return err
	}
	status := classroom.AskStatus(ctx, i, chosen)
	if err := ctx.Err(); err != nil {
		return err
	}
	if status.Problem != "" {
		a.Fprintf(a.Err, "maillab: %s\n", status.Problem)
	}
	for _, line := range status.Mentions() {
		a.Fprintln(a.Err, line)
	}
	header, rows := status.Table()
	return a.print(listing.List{Value: status, Header: header, Rows: rows})
}

func lsVerb(a *app) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "The instances that there are",
		Long: `The instances that there are, on every engine that answers: your own first, then others', with whose they are.

-o json prints {"instances":[{"instance","lab","engine","sandboxes","ready","owner","own"}]}.`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return screen.Again(cmd.Context(), a.Out, watch, func(ctx context.Context) error { return showInstances(ctx, a) })
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "again every two seconds, until Ctrl-C")
	return cmd
}

func showInstances(ctx context.Context, a *app) error {
	s, err := a.look(ctx, a.flags.instance)
	if err != nil {
		return err
	}
	if len(s.Problems) > 0 {
		a.Fprintln(a.Err, unanswered(s))
	}
	all := classroom.AskAll(ctx, s.Instances, request.Owner())
	if err := ctx.Err(); err != nil {
		return err
	}
	header, rows := all.Table()
	return a.print(listing.List{Value: all, Header: header, Rows: rows})
}
