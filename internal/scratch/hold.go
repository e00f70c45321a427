package scratch

import (
	"errors"
	"os"
	"path/filepath"

	"maillab/internal/filelock"
)

// ErrHeld is a folder that another process has.
var ErrHeld = errors.New("another process has the folder")

// Hold makes a folder that stays, and that is this process's alone until release; whole is its path from the root.
func Hold(dir string) (whole string, release func(), err error) {
	if whole, err = filepath.Abs(dir); err != nil {
		return dir, nil, err
	}
	if err := os.MkdirAll(whole, 0o700); err != nil {
		return whole, nil, err
	}
	release, ok, err := filelock.Try(filepath.Join(whole, "lock"))
	if err == nil && !ok {
		err = ErrHeld
	}
	return whole, release, err
}
