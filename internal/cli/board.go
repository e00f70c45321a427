package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/listing"
	"maillab/internal/period"
	"maillab/internal/screen"
)

func boardVerb(a *app) *cobra.Command {
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "board",
		Short: "Who is where: a live view of the class",
		Long: `Who is where, again and again until Ctrl-C: tasks passed, the next one, the last command and how long ago it was, the
last refusal. Who has got on least lately comes first; who has passed everything last. Scripts are not run for it.
When the output is not a terminal it is printed once.

The last command and refusal are of dialogues that are surely the student's: on a shared server, those with a login. SMTP
without one may be anybody's there.

-o json prints {"instance","students":[{"seat","student","passed","total","next","at","service","command","error","progress"}]}.`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every == 0 {
				return usagef("--every 0: how often it looks, such as 5s")
			}
			ctx := cmd.Context()
			i, err := a.the(ctx)
			if err != nil {
				return err
			}
			people, err := a.people(i)
			if err != nil {
				return err
			}
			client := i.Client()
			defer client.Close()
			for {
				rows, failed := classroom.Board(ctx, i, client, people)
				if ctx.Err() != nil {
					return nil // Ctrl-C is how one ends it
				}
				if err := a.failures(i.Sandboxes, failed); err != nil && len(rows) == 0 { // who does not answer is left out, and told
					return err
				}
				standing := classroom.Standing{Instance: i.Name, Students: rows}
				header, cells := standing.Table(a.Now())
				board := listing.List{Value: standing, Header: header, Rows: cells}
				if !screen.IsTerminal(a.Out) || a.flags.output != "table" {
					return a.print(board)
				}
				_, _ = io.WriteString(screen.Raw(a.Out), "\x1b[H\x1b[2J")
				if err := a.print(board); err != nil {
					return err
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(every):
				}
			}
		},
	}
	period.Var(cmd.Flags(), &every, "every", 5*time.Second, "how often it looks again")
	return cmd
}
