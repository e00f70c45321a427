//go:build linux

package sandbox

import (
	"context"
	"log/slog"
	"path/filepath"

	"maillab/internal/filelock"
)

// awaitTurn returns when no other supervisor has the volumes: two daemons must never have one spool.
func awaitTurn(ctx context.Context, log *slog.Logger) (release func(), err error) {
	return filelock.Wait(ctx, filepath.Join(ownDir, "lock"), func() {
		log.Warn("another supervisor has these volumes: nothing starts here before it has ended")
	})
}
