package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/login"
	"maillab/internal/screen"
)

func sshVerb(a *app) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use:   "ssh STUDENT [-- CMD…]",
		Short: "Into a sandbox as its student",
		Long: `Open a real SSH session into a sandbox as its student, on a terminal; no password is asked: a key made for this one
command is let in for a minute. With a command, that is run instead of a shell. It goes through the instance's gateway,
so it works too where nothing is published.`,
		Args:              commandline.Takes(1, -1),
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			i, err := a.the(ctx)
			if err != nil {
				return err
			}
			if err := hasSSH(i); err != nil {
				return err
			}
			s, student, err := a.theStudent(i, args[0])
			if err != nil {
				return err
			}
			control := i.Client()
			defer control.Close()
			client, err := login.Open(ctx, control, s, student, account)
			if err != nil {
				return err
			}
			defer client.Close()
			code, err := login.Shell(client, login.Command{Words: args[1:]}.Line(), a.Getenv("TERM"), a.In, screen.Raw(a.Out), screen.Raw(a.Err))
			if err != nil {
				return err
			}
			return silent(code)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "as this account instead of the student's first")
	return cmd
}

// hasSSH tells early where there is none.
func hasSSH(i running) error {
	if can := i.Engine.Capabilities(); !can.System {
		return fmt.Errorf("engine %s has no SSH: %s", can.Name, can.Missing)
	}
	return nil
}
