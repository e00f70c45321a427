package cli

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
)

// ServeEmbedded is the hidden verb that the embedded engine starts an instance's process with: it is given the runtime
// folder and the data folder.
const ServeEmbedded = "serve-embedded"

// serve is that verb. Serving is handed in, for this package knows no engine.
func serveVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    ServeEmbedded + " RUNTIME DATA",
		Short:  "Be the process of an embedded instance",
		Hidden: true,
		Args:   commandline.Takes(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.Serve(cmd.Context(), args[0], args[1], slog.New(slog.NewTextHandler(a.Err, nil)))
		},
	}
}

// ServeFunc serves an embedded instance until ctx ends.
type ServeFunc func(ctx context.Context, runtime, data string, log *slog.Logger) error
