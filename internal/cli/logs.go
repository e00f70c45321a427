package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
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
			return showLogs(cmd.Context(), a, args, lines, follow)
		},
	}
	commandline.Count(cmd.Flags(), &lines, "lines", -1, commandline.From(0), "only the last N lines")
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
		log, err := client.Seat(s.Seat).Log(ctx, lines, follow)
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

// failures reports what failed for which student, with the exit code for some or for all. What was cut short is no news.
func (a *app) failures(chosen []instance.Sandbox, failed map[int]error) error {
	if len(failed) == 0 {
		return nil
	}
	var cut error
	for _, s := range chosen {
		var closed *deploy.NoGatewayError
		switch err := failed[s.Seat]; {
		case errors.As(err, &closed):
			return closed // said once
		case errors.Is(err, context.Canceled):
			cut = err
		case err != nil:
			a.Fprintf(a.Err, "maillab: %s: %v\n", s.Name(), err)
		}
	}
	switch {
	case cut != nil:
		return cut
	case len(failed) < len(chosen):
		return silent(exitPartly)
	}
	return silent(exitFailed)
}
