//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private refuses a folder that is another user's, that others get into, or that is none. One that is not there is fine.
func private(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("runtime folder: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("runtime folder %s: it is no folder (%s): remove it, or set MAILLAB_RUNTIME to another one", dir, info.Mode().Type())
	case !ok || int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("runtime folder %s: it is another user's: set MAILLAB_RUNTIME to a folder of your own", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("runtime folder %s: others get into it (mode %#o): chmod 700 it, if what is in it is yours", dir, info.Mode().Perm())
	}
	return nil
}
