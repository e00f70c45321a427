package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
)

// completion is what Tab is answered with: names of what there is, as far as it is known in time.
type completion struct{ *app }

// completionPatience bounds what a shell's user waits for after Tab.
const completionPatience = time.Second

// bounded bounds a completion. Cobra does not prepare one, so the flags that say where to look come from the environment
// here.
func (c completion) bounded(cmd *cobra.Command) (*app, context.Context, context.CancelFunc) {
	b := *c.app
	b.flags.instance = cmp.Or(c.flags.instance, c.Getenv(commandline.Variable("instance")))
	b.flags.engine = cmp.Or(c.flags.engine, c.Getenv(commandline.Variable("engine")))
	ctx, cancel := context.WithTimeout(cmd.Context(), completionPatience)
	return &b, ctx, cancel
}

// first completes so many arguments only.
func first(most int, complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, start)
	}
}

// instances completes -n.
func (c completion) instances(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	a, ctx, cancel := c.bounded(cmd)
	defer cancel()
	s, _ := a.look(ctx, "")
	var names []string
	for _, i := range s.Instances {
		names = append(names, i.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// students completes students of the instance.
func (c completion) students(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	a, ctx, cancel := c.bounded(cmd)
	defer cancel()
	i, err := a.the(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return i.Students(), cobra.ShellCompDirectiveNoFileComp
}

// tasks completes tasks of the instance.
func (c completion) tasks(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	a, ctx, cancel := c.bounded(cmd)
	defer cancel()
	i, err := a.the(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	sheet, _ := a.known(i.Name)
	return sheet.Tasks, cobra.ShellCompDirectiveNoFileComp
}

// snapshots completes names of snapshots.
func (c completion) snapshots(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	a, ctx, cancel := c.bounded(cmd)
	defer cancel()
	var names []string
	if store, err := snapshotsOf(ctx, a); err == nil {
		all, _ := store.List()
		for _, s := range all {
			names = append(names, s.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
