//go:build !windows

package safeio

import (
	"errors"
	"os"
)

// syncDirectory makes a rename in it survive a loss of power.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
