package docker

import (
	"context"
	"os"
	"path/filepath"

	"maillab/internal/filelock"
)

// lockFile takes a lock whose folder need not be there. It tells once when it has to wait. Without a name there is no
// lock.
func lockFile(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	return filelock.Wait(ctx, name, waiting)
}
