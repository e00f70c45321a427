package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/control"
	"maillab/internal/listing"
)

func faultVerb(a *app) *cobra.Command {
	var clear bool
	cmd := &cobra.Command{
		Use:   "fault [STUDENT…] [SERVICE TYPE [KEY=VALUE…]]",
		Short: "Make something go wrong on purpose",
		Long: `Make something go wrong on purpose in students' mail servers, at once and until --clear or a reset. Without a service it lists
what is in force, the lab's and its tasks' faults too, and how often each struck. Students that are not named are all.

smtp, pop3 and imap have latency, bandwidth, slow_close, timeout, reset_peer, limit_data (as toxiproxy has them) and error; smtp has
greylist, too; dns has latency and mx, mailbox has full, tls has expired.

docs/faults.md tells their keys. When a fault strikes is drawn from the lab and the student: it is the same again after a reset.
Probes, check, board and send are spared, and no mail that was acknowledged is lost.

-o json prints {"instance","sandboxes":[{"seat","student","faults":[{"service","type","by","struck",…}]}]}.`,
		Example: `  maillab fault alice bob smtp error command=rcpt code=451 times=2
  maillab fault smtp latency latency=2s jitter=500ms toxicity=0.5
  maillab fault --clear alice smtp`,
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			students, words := classroom.FaultWords(args)
			if !clear && len(words) == 0 {
				return runFault(cmd.Context(), a, students, nil)
			}
			change, err := classroom.FaultChange(clear, words)
			if err != nil {
				return usage(err)
			}
			return runFault(cmd.Context(), a, students, &change)
		},
	}
	cmd.Flags().BoolVar(&clear, "clear", false, "end the faults that you have put in force, of these services or of all")
	return cmd
}

func runFault(ctx context.Context, a *app, typed []string, change *control.ChangeFaults) error {
	i, chosen, err := a.those(ctx, typed)
	if err != nil {
		return err
	}
	faults, failed, err := classroom.AskFaults(ctx, i, chosen, len(typed) > 0, change)
	if err != nil {
		return usage(err)
	}
	header, rows := faults.Table()
	return errors.Join(a.print(listing.List{Value: faults, Header: header, Rows: rows}), a.failures(chosen.Sandboxes, failed))
}
