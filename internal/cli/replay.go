package cli

import (
	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/listing"
	"maillab/internal/period"
	"maillab/internal/recording"
)

func replayVerb(a *app) *cobra.Command {
	var which, export string
	var listed bool
	player := recording.Player{Wait: period.Wait}
	cmd := &cobra.Command{
		Use:   "replay STUDENT",
		Short: "A student's terminal on the class's page, once more",
		Long: `Show what a terminal showed that a student opened on the class's page, at its pace; Ctrl-C ends it. What was typed
shows as far as the terminal echoed it; passwords that mail protocols echo are masked. --list tells which there are,
--export writes one as an asciicast v3 file, which asciinema plays.`,
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
			all, err := client.Seat(s.Seat).Recordings(ctx, student)
			if err != nil {
				return err
			}
			if listed {
				header, rows := classroom.RecordingTable(all, a.zone(i.Name))
				return a.print(listing.List{Value: all, Header: header, Rows: rows})
			}
			k, err := classroom.ChosenRecording(all, student, which)
			if err != nil {
				return err
			}
			if export != "" {
				return classroom.ExportRecording(ctx, client, s.Seat, k, export)
			}
			return classroom.Replay(ctx, client, s.Seat, k, player, a.Out)
		},
	}
	cmd.Flags().BoolVar(&listed, "list", false, "which recordings there are")
	cmd.Flags().StringVar(&which, "recording", "", "its number in the list; by default the last one")
	cmd.Flags().StringVar(&export, "export", "", "write it to this file instead")
	commandline.Positive(cmd.Flags(), &player.Speed, "speed", 1, "how much faster")
	period.Var(cmd.Flags(), &player.Idle, "idle", 0, "no pause is longer")
	return cmd
}
