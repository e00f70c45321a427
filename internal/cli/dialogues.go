package cli

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/dialogue"
	"maillab/internal/listing"
)

func dialoguesVerb(a *app) *cobra.Command {
	var follow bool
	var service string
	cmd := &cobra.Command{
		Use:   "dialogues STUDENT",
		Short: "What a student typed at the server, and got",
		Long: `What a student typed at the server's SMTP, POP3 and IMAP ports since the last reset, and what was answered; passwords
are masked, messages are only counted; times are in the lab's zone. With each dialogue stands whether it looks typed by hand, and why. On a server
that others share, SMTP dialogues in which nobody logged in are everybody's.

-o json prints a list of {"id","service","peer","accounts","start","end","lines":[{"at","from","kind","text","bytes"}]}.`,
		Args:              commandline.Takes(1, 1),
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			i, s, student, err := a.theOne(ctx, args[0])
			if err != nil {
				return err
			}
			client := i.Client()
			defer client.Close()
			zone := a.zone(i.Name)
			if follow {
				err := client.Seat(s.Seat).FollowDialogues(ctx, student, func(e dialogue.Event) error { return classroom.WriteEvent(a.Out, a.Tongue, e, service, zone) })
				if ctx.Err() != nil || errors.Is(err, io.EOF) {
					return nil // Ctrl-C is how one ends it
				}
				return err
			}
			all, err := client.Seat(s.Seat).Dialogues(ctx, student)
			if err != nil {
				return err
			}
			chosen := []dialogue.Dialogue{}
			for _, d := range all {
				if service == "" || d.Service == service {
					chosen = append(chosen, d)
				}
			}
			if a.flags.output != "table" {
				header, rows := classroom.DialogueTable(chosen)
				return a.print(listing.List{Value: chosen, Header: header, Rows: rows})
			}
			if len(chosen) == 0 {
				a.Fprintf(a.Err, "no dialogue of %s since the last reset\n", student)
			}
			for _, d := range chosen {
				classroom.WriteDialogue(a.Out, a.Tongue, d, zone)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&follow, "follow", false, "what comes from now on, until Ctrl-C")
	cmd.Flags().StringVar(&service, "service", "", "smtp, pop3 or imap; by default all")
	_ = cmd.RegisterFlagCompletionFunc("service", fixed("smtp", "pop3", "imap"))
	return cmd
}
