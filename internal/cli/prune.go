package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"maillab/images"
	"maillab/internal/apply"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/plan"
)

func (a *app) prune() *cobra.Command {
	var dry, spools bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what has expired or belongs to nothing",
		Long: `Remove instances whose time is over, what interrupted commands left (networks and gateways without a sandbox,
temporary folders), and images of other versions that nothing uses. With --spools also mail and homes that down --keep-spools has kept, of
instances of which nothing else is there. Only what maillab's own labels mark is looked at.

It asks first; with -y it may run from cron. An instance that another command is working on is left alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runPrune(cmd.Context(), dry, spools)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be removed")
	cmd.Flags().BoolVar(&spools, "spools", false, "also mail and homes that were kept")
	return cmd
}

// waste is something to be removed, with the reason.
type waste struct {
	folder   string // of run or sandbox; then the rest is empty
	engine   engine.Engine
	instance string           // "" is an image
	image    *engine.Resource // of no instance
	reason   string
}

func (w waste) String() string {
	if w.folder != "" {
		return fmt.Sprintf("folder %s: %s", w.folder, w.reason)
	}
	if w.image != nil {
		return fmt.Sprintf("%s: %s", w.image.ID(), w.reason)
	}
	return fmt.Sprintf("instance %s: %s", w.instance, w.reason)
}

func (a *app) runPrune(ctx context.Context, dry, spools bool) error {
	s, err := a.look(ctx, "")
	if err != nil {
		return err
	}
	all := a.wasteIn(s, spools)
	if len(all) == 0 {
		fmt.Fprintln(a.Err, "nothing to remove")
		return nil
	}
	for _, w := range all {
		fmt.Fprintln(a.Out, w)
	}
	if dry {
		return nil
	}
	if err := a.confirm(ctx, fmt.Sprintf("Remove these %d?", len(all))); err != nil {
		return err
	}
	var failed []error
	for _, w := range all {
		if err := a.removeWaste(ctx, w, spools); err != nil {
			failed = append(failed, fmt.Errorf("%v: %w", w, err))
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(failed) < len(all):
		return &failure{err: errors.Join(failed...), code: exitPartly}
	}
	return errors.Join(failed...)
}

// wasteIn finds what may go.
func (a *app) wasteIn(s survey, spools bool) (all []waste) {
	used := map[string]bool{images.Tag(): true}
	for _, i := range s.instances {
		for _, r := range i.Resources {
			if r.Sandbox != nil {
				used[r.Sandbox.Image] = true
			}
		}
		if reason := a.whyWaste(i.Instance, spools); reason != "" && (a.flags.instance == "" || a.flags.instance == i.Name) {
			all = append(all, waste{engine: i.engine, instance: i.Name, reason: reason})
		}
	}
	if a.flags.instance != "" {
		return all
	}
	for _, dir := range abandoned() {
		all = append(all, waste{folder: dir, reason: "its command was killed"})
	}
	for _, e := range s.engines {
		for _, r := range s.images {
			if r.Image != nil && !used[r.Image.Tag] && e.Capabilities().System {
				all = append(all, waste{engine: e, image: &r, reason: "of another version, used by nothing"})
			}
		}
	}
	return all
}

// whyWaste is why an instance may go, "" when it may not.
func (a *app) whyWaste(i instance.Instance, spools bool) string {
	left := map[engine.Kind]bool{}
	for _, r := range instance.WithoutFacts(i.Resources) {
		left[r.Kind] = true
	}
	switch {
	case !i.Expires.IsZero() && i.Expires.Before(a.Now()):
		return "expired " + i.Expires.Local().Format(time.DateTime)
	case left[engine.Sandbox]:
		return ""
	case left[engine.Gateway] || left[engine.Network]:
		return "it has no sandbox: a command was interrupted"
	case !left[engine.Volume]:
		return "nothing is left but what was said of it"
	case spools:
		return "mail and homes that were kept"
	}
	return ""
}

// lockPatience is how long prune waits for another command: not at all, but for the moment that it takes to see.
const lockPatience = 200 * time.Millisecond

// removeWaste looks again when nobody else is at work, and removes what is still waste.
func (a *app) removeWaste(ctx context.Context, w waste, spools bool) error {
	if w.folder != "" {
		return removeAbandoned(w.folder)
	}
	if w.image != nil {
		return w.engine.Remove(ctx, *w.image)
	}
	patience, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	release, err := instance.OpenFolder(a.DataDir, w.instance).Lock(patience, func() {})
	if err != nil {
		return fmt.Errorf("another command is at work on it: %w", err)
	}
	defer release()
	now, err := w.engine.Observe(ctx, w.instance)
	if err != nil {
		return err
	}
	for _, i := range instance.Of(now) {
		if i.Name != w.instance || a.whyWaste(i, spools) == "" {
			continue
		}
		keep := func(r engine.Resource) bool { // what is only an interrupted command's is no student's mail
			return !spools && r.Kind == engine.Volume && !strings.HasPrefix(w.reason, "expired")
		}
		diff := func(ctx context.Context) (plan.Plan, error) { return remaining(ctx, w.engine, w.instance, keep) }
		p, err := diff(ctx)
		if err != nil {
			return err
		}
		result, err := a.converge(ctx, p, apply.Config{Engine: w.engine}, diff)
		if err != nil {
			return err
		}
		return a.ended(ctx, result, w.instance+" is removed")
	}
	return nil
}
