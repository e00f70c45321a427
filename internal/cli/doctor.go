package cli

import (
	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/doctor"
	"maillab/internal/engine"
	"maillab/internal/listing"
)

func doctorVerb(a *app) *cobra.Command {
	var probing bool
	var gateway string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What this machine can do, and what is in the way",
		Long: `Say what this machine can do and what is in the way, with what mends it. The exit code is 1 when there is a problem.

--probe brings up a lab for two students, tries as one of them to reach what no student must reach (the other one, this
machine, the Internet, names, other people's files, root), puts his sandbox under all the load that a student can make while
the other one works, and takes both down again. With -n, an instance that is up is probed, in its first two sandboxes.

-o json prints {"findings":[{"level","what","detail","mend"}]}; levels are ok, warning, problem.`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if probing {
				return runProbe(cmd.Context(), a, gateway)
			}
			makers, err := a.makers()
			if err != nil {
				return err
			}
			found := doctor.Examine(cmd.Context(), makers, a.DataDir)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			return a.tell(found)
		},
	}
	cmd.Flags().BoolVar(&probing, "probe", false, "prove on this machine that students are cut off")
	cmd.Flags().StringVar(&gateway, "gateway", "", "with --probe: host or ports, as in up")
	return cmd
}

// tell prints findings. Problems make the exit code.
func (a *app) tell(found []engine.Finding) error {
	l := listing.List{Header: []string{"", "what", "detail"}, Value: struct {
		Findings []engine.Finding `json:"findings"`
	}{found}}
	bad := false
	for _, f := range found {
		detail := f.Detail
		if f.Mend != "" {
			detail += " → " + f.Mend
		}
		l.Rows = append(l.Rows, []string{string(f.Level), f.What, detail})
		bad = bad || f.Level == engine.Bad
	}
	if err := a.print(l); err != nil {
		return err
	}
	if bad {
		return silent(exitFailed)
	}
	return nil
}
