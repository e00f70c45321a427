package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/screen"
)

func logsVerb(a *app) *cobra.Command {
	var lines int
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs [STUDENT…]",
		Short: "The mail.log of sandboxes",
		Long: `The mail.log of some or all sandboxes, as the students see it in /var/log/mail.log. With several students each line
begins with whose it is, in the order of the seats; with --follow in the order in which they come.`,
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("lines") && lines < 0 {
				return usagef("--lines %d: how many lines, 0 or more", lines)
			}
			return showLogs(cmd.Context(), a, args, lines, follow)
		},
	}
	cmd.Flags().IntVar(&lines, "lines", -1, "only the last N lines")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with what comes, until Ctrl-C")
	return cmd
}

func showLogs(ctx context.Context, a *app, students []string, lines int, follow bool) error {
	i, picked, err := a.those(ctx, students)
	if err != nil {
		return err
	}
	chosen := picked.Sandboxes
	client := i.Client()
	defer client.Close()
	show := func(ctx context.Context, s instance.Sandbox, out io.Writer) error {
		log, err := client.Log(ctx, s.Seat, lines, follow)
		if err != nil {
			return err
		}
		defer log.Close()
		prefix := ""
		if len(chosen) > 1 {
			prefix = s.Name() + ": "
		}
		return screen.CopyLines(out, prefix, log)
	}
	if follow { // in the order of what happens
		together := &screen.Shared{Out: a.Out}
		failed := instance.All(ctx, chosen, classroom.Awake(func(ctx context.Context, s instance.Sandbox) error { return show(ctx, s, together) }))
		if ctx.Err() != nil {
			return nil // Ctrl-C is how one ends it
		}
		return a.failures(chosen, failed)
	}
	ordered, place := screen.NewTurns(a.Out, len(chosen)), classroom.Places(chosen)
	return a.failures(chosen, instance.Each(ctx, chosen, classroom.InTurn(place, classroom.Awake(func(ctx context.Context, s instance.Sandbox) error {
		return show(ctx, s, ordered.Writer(place[s.Seat]))
	}), ordered)))
}

// failures reports what failed for which student, with the exit code for some or for all.
func (a *app) failures(chosen []instance.Sandbox, failed map[int]error) error {
	if len(failed) == 0 {
		return nil
	}
	for _, s := range chosen {
		var closed *deploy.NoGatewayError
		if errors.As(failed[s.Seat], &closed) {
			return closed // said once
		}
		if err := failed[s.Seat]; err != nil {
			a.Fprintf(a.Err, "maillab: %s: %v\n", s.Name(), err)
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
