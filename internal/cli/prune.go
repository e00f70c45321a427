package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"maillab/images"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/scratch"
)

func pruneVerb(a *app) *cobra.Command {
	var dry, spools bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what has expired or belongs to nothing",
		Long: `Remove instances whose time is over, what interrupted commands left (gateways without a sandbox,
temporary folders), and images of other versions that nothing uses. With --spools also mail and homes that down --keep-spools has kept, of
instances of which nothing else is there. Only what maillab's own labels mark is looked at.

It asks first; with -y it may run from cron. An instance that another command is working on is left alone.`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPrune(cmd.Context(), a, dry, spools)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be removed")
	cmd.Flags().BoolVar(&spools, "spools", false, "also mail and homes that were kept")
	return cmd
}

func runPrune(ctx context.Context, a *app, dry, spools bool) error {
	s, err := a.look(ctx, "")
	if err != nil {
		return err
	}
	all := slices.DeleteFunc(s.Waste(a.Now(), spools, images.Tag(), images.FilterTag()), func(w deploy.Waste) bool {
		return a.flags.instance != "" && w.Instance != a.flags.instance
	})
	var folders []string // of run and sandbox
	if a.flags.instance == "" {
		folders = scratch.Abandoned()
	}
	if len(all)+len(folders) == 0 {
		a.Fprintln(a.Err, "nothing to remove")
		return nil
	}
	for _, w := range all {
		a.Fprintln(a.Out, w)
	}
	for _, dir := range folders {
		a.Fprintf(a.Out, "folder %s: its command was killed\n", dir)
	}
	if dry {
		return nil
	}
	if err := a.confirm(ctx, fmt.Sprintf("Remove these %d?", len(all)+len(folders))); err != nil {
		return err
	}
	var failed []error
	for _, w := range all {
		result, err := a.carrier().Discard(ctx, w, a.folder, spools)
		if err == nil && result != nil {
			err = a.ended(ctx, *result, w.Instance+" is removed")
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%v: %w", w, err))
		}
	}
	for _, dir := range folders {
		if err := scratch.Remove(dir); err != nil {
			failed = append(failed, fmt.Errorf("folder %s: %w", dir, err))
		}
	}
	if len(failed) > 0 && len(failed) < len(all)+len(folders) {
		return &commandline.Error{Err: errors.Join(failed...), Code: exitPartly}
	}
	return errors.Join(failed...)
}
