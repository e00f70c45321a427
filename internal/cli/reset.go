package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/listing"
)

func resetVerb(a *app) *cobra.Command {
	var to, scope string
	cmd := &cobra.Command{
		Use:   "reset [STUDENT…]",
		Short: "Put spools back to the start, or to a snapshot",
		Long: `Put the students' mail back: every mailbox is replaced by a new file, ~/mbox, ~/mail and waiting mail are dropped, and
the lab's starting mail is delivered again. Containers, shells, SSH and telnet to port 25 stay; POP3 and IMAP sessions are told
and end, mail readers that have a mailbox open are ended and their users told on their terminals. What was done before no
longer counts for checks; on a server that the class shares, a reset of some leaves the others' mail and evidence alone, and
the epoch keeps its number. A sandbox that does not answer is restarted first, and the report says so.

--scope home puts back the homes instead (the lab's files and what every home begins with; all else goes), all does both.
--to NAME puts back the snapshot of that name. The lab file is not needed. It asks first on a terminal, unless -y;
elsewhere, as in a script, it does not ask: the command itself is the answer.

-o json prints {"instance","sandboxes":[{"seat","student","dropped","queued","sessions","ended","epoch"}]}; a shared
sandbox has each student's part in "each":[{"seat","student","dropped","ended"}].`,
		Example: `  maillab reset
  maillab reset alice --scope all
  maillab reset --to before-lesson-2`,
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReset(cmd.Context(), a, args, to, scope)
		},
	}
	cmd.Flags().StringVar(&to, "to", "clean", "clean, or the name of a snapshot")
	cmd.Flags().StringVar(&scope, "scope", "mail", "mail, home or all")
	_ = cmd.RegisterFlagCompletionFunc("scope", fixed(classroom.Scopes()...))
	_ = cmd.RegisterFlagCompletionFunc("to", completion{a}.snapshots)
	return cmd
}

func runReset(ctx context.Context, a *app, names []string, to, scope string) error {
	if err := classroom.CheckScope(scope); err != nil {
		return usage(err)
	}
	i, chosen, err := a.those(ctx, names)
	if err != nil {
		return err
	}
	if to != "clean" {
		return restoreTo(ctx, a, i, chosen, to, scope)
	}
	if a.asks() {
		lost := told(classroom.Losses(ctx, i, chosen, nil))
		if err := a.confirm(ctx, fmt.Sprintf("Put %s of %s back to the start? What is there now is lost%s.", classroom.ScopeNames(scope), chosen.Meant(), lost)); err != nil {
			return err
		}
	}
	return resetAll(ctx, a, i, chosen, scope)
}

// told is what a question says of students' work.
func told(turnovers []classroom.Turnover) string {
	if text := classroom.Told(turnovers); text != "" {
		return "; " + text + " (check --history still tells)"
	}
	return ""
}

func resetAll(ctx context.Context, a *app, i running, chosen instance.Chosen, scope string) error {
	client := i.Client()
	defer client.Close()
	return putBack(ctx, a, i, client, chosen, func(ctx context.Context, s instance.Sandbox) (control.ResetReport, error) {
		return client.Seat(s.Seat).Reset(ctx, control.Reset{Students: chosen.Of(s), Scope: scope})
	})
}

// putBack does it in every sandbox, and tells what was dropped.
func putBack(ctx context.Context, a *app, i running, client *control.Client, chosen instance.Chosen,
	do func(context.Context, instance.Sandbox) (control.ResetReport, error)) error {
	reports, anew, failed := classroom.PutBack(ctx, i, client, chosen.Sandboxes, do)
	if len(reports) > 0 {
		all := classroom.ReplacedIn(i.Name, chosen, reports, anew)
		header, rows := all.Table()
		if err := a.print(listing.List{Value: all, Header: header, Rows: rows}); err != nil {
			return err
		}
	}
	return a.failures(chosen.Sandboxes, failed)
}
