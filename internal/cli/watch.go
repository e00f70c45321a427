package cli

import (
	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/leash"
)

// watchVerb is the hidden verb of the process that run has beside its command: see leash.
func watchVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    leash.Verb,
		Short:  "End the command of a run that is killed",
		Hidden: true,
		Args:   commandline.Takes(0, 0),
		RunE:   func(*cobra.Command, []string) error { return leash.Watch(a.In, a.Out) },
	}
}
