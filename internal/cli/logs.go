package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"maillab/internal/instance"
)

func (a *app) logs() *cobra.Command {
	var lines int
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs [STUDENT…]",
		Short: "The mail.log of sandboxes",
		Long: `The mail.log of some or all sandboxes, as the students see it in /var/log/mail.log. With several students each line
begins with whose it is.`,
		ValidArgsFunction: a.completeStudents,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			i, err := a.the(ctx)
			if err != nil {
				return err
			}
			chosen, err := some(i.Instance, args)
			if err != nil {
				return err
			}
			client := i.client()
			defer client.Close()
			var printing sync.Mutex
			each := instance.Each
			if follow {
				each = instance.All
			}
			failed := each(ctx, chosen, func(ctx context.Context, s instance.Sandbox) error {
				log, err := client.Log(ctx, s.Seat, lines, follow)
				if err != nil {
					return err
				}
				defer log.Close()
				prefix := ""
				if len(chosen) > 1 {
					prefix = s.Name() + ": "
				}
				return a.copyLines(&printing, prefix, log)
			})
			if follow && ctx.Err() != nil {
				return nil // Ctrl-C is how one ends it
			}
			return a.failures(chosen, failed)
		},
	}
	cmd.Flags().IntVar(&lines, "lines", -1, "only the last N lines")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with what comes, until Ctrl-C")
	return cmd
}

// failures reports what failed for which student, with the exit code for some or for all.
func (a *app) failures(chosen []instance.Sandbox, failed map[int]error) error {
	if len(failed) == 0 {
		return nil
	}
	for _, s := range chosen {
		if err := failed[s.Seat]; err != nil {
			fmt.Fprintf(a.Err, "maillab: %s: %v\n", s.Name(), err)
			if errors.Is(err, context.Canceled) {
				return silent(exitInterrupted)
			}
		}
	}
	if len(failed) < len(chosen) {
		return silent(exitPartly)
	}
	return silent(exitFailed)
}
