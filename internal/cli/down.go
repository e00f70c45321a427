package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

func downVerb(a *app) *cobra.Command {
	var keepSpools, forget, dry bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Remove all that an instance owns",
		Long: `Remove everything that the instance owns, found by its labels: containers, volumes, network. The lab file is not
needed. It asks first, and does nothing where nobody can be asked and -y is not given: the mail and the homes of all
students go with it, unless --keep-spools keeps their volumes, which the next up of the same instance takes over. The
class list, seats, generated passwords, marks, results and snapshots are kept in the data directory: check and grades go on
from them, and the same students find the same ports again; --forget removes them as well, and with them the last that was
known of the students.`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDown(cmd.Context(), a, downFlags{keepSpools, forget, dry})
		},
	}
	cmd.Flags().BoolVar(&keepSpools, "keep-spools", false, "keep the volumes with mail and homes")
	cmd.Flags().BoolVar(&forget, "forget", false, "remove seats, passwords, results and snapshots, too: nothing is left of the students")
	cmd.MarkFlagsMutuallyExclusive("forget", "keep-spools")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be done")
	return cmd
}

type downFlags struct{ keepSpools, forget, dry bool }

// keep tells what stays.
func (f downFlags) keep(r engine.Resource) bool { return f.keepSpools && r.Kind == engine.Volume }

func runDown(ctx context.Context, a *app, f downFlags) error {
	i, err := a.found(ctx)
	if err != nil {
		return downAlready(ctx, a, f, err)
	}
	if f.dry {
		p, _, err := deploy.Remaining(ctx, i.Engine, i.Name, f.keep)
		if err == nil {
			fmt.Fprint(a.Out, a.Text(p.String()))
		}
		return err
	}
	i, h, err := a.hold(ctx, i)
	if err != nil {
		return err
	}
	defer h.Release()
	question := fmt.Sprintf("Remove %s with the mail and homes of %s?", i.Name, classroom.Students(len(i.Students())))
	if f.keepSpools {
		question = fmt.Sprintf("Remove %s and keep its mail and homes?", i.Name)
	}
	if err := a.confirm(ctx, question); err != nil {
		return err
	}
	defer a.tellLeave(ctx)()
	if !f.forget {
		a.keepLast(ctx, h, i)
	}
	result, err := a.carrier().Down(ctx, h, i.Engine, i.Name, f.keep)
	if err != nil {
		return err
	}
	if err := a.ended(ctx, result, fmt.Sprintf("%s is down", i.Name)); err != nil || !f.forget {
		return err
	}
	return a.forgetAll(ctx, h, i.Name)
}

// downAlready forgets what is kept of an instance of which nothing runs.
func downAlready(ctx context.Context, a *app, f downFlags, notFound error) error {
	name := cmp.Or(a.flags.instance, a.down(notFound))
	if !errors.Is(notFound, engine.ErrNotFound) || instance.CheckName(name) != nil || !a.folder(name).Exists() {
		return notFound
	}
	if !f.forget || f.dry {
		return withHint(fmt.Errorf("%s is down already", name), "maillab down --forget -n "+name+"   removes what is kept of its students")
	}
	if place, err := a.folder(name).Place(); err != nil || place != nil {
		return errors.Join(err, notFound) // an engine that does not answer may have it
	}
	if err := a.confirm(ctx, fmt.Sprintf("Forget %s: its class list, seats, passwords, marks, results and snapshots?", name)); err != nil {
		return err
	}
	h, err := a.lock(ctx, name)
	if err != nil {
		return err
	}
	defer h.Release()
	return a.forgetAll(ctx, h, name)
}

// forgetAll removes an instance's folder, and tells where was looked for what is left.
func (a *app) forgetAll(ctx context.Context, h *instance.Held, name string) error {
	looked, err := deploy.Forget(ctx, h, a.carrier().Makers, name)
	if err != nil {
		return err
	}
	return classroom.WriteLooked(a.Err, a.Tongue, looked, name)
}
