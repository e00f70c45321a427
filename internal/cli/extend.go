package cli

import (
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/period"
)

func extendVerb(a *app) *cobra.Command {
	var never bool
	cmd := &cobra.Command{
		Use:   "extend [DURATION]",
		Short: "A longer life for an instance",
		Long: `Let the instance live for so long from now on (a day without a word), or for ever with --never. prune removes what has
outlived its time; nothing ends by itself.`,
		Example: `  maillab extend 2d
  maillab extend --never`,
		Args: commandline.Takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			life := 24 * time.Hour
			if len(args) == 1 {
				var err error
				if never {
					return usagef("--never and a life of %s exclude each other", args[0])
				}
				if life, err = period.Parse(args[0]); err != nil || life == 0 {
					return usagef("a life is a length of time such as 90m, 4h or 2d, not %q", args[0])
				}
			}
			ctx := cmd.Context()
			i, h, err := a.held(ctx)
			if err != nil {
				return err
			}
			defer h.Release()
			var expires time.Time
			if !never {
				expires = a.Now().Add(life).Truncate(time.Second)
			}
			if err := h.SetExpiry(ctx, i.Engine, i.Instance, expires); err != nil {
				return err
			}
			a.Fprintln(a.Err, i.Name+" "+classroom.LifeLeft(expires, a.Now()))
			return nil
		},
	}
	cmd.Flags().BoolVar(&never, "never", false, "let it never expire")
	return cmd
}
