// Package safeio writes a small file whole or not at all: beside its place, then renamed over it. Whoever reads the file
// meanwhile, or after the machine lost its power, finds the old contents or the new ones.
package safeio

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Durability is what is known when a write has returned.
type Durability bool

const (
	// Durable: the new contents are on disk, and their name too.
	Durable Durability = true
	// Whole: a reader finds the old or the new contents; after a loss of power it may be the old ones, for what can be made again.
	Whole Durability = false
)

// WriteFile writes text to path with these permissions. The temporary file is in the same directory, its name begins with a
// dot and ends in ".new"; one that a kill left behind is of no harm.
func WriteFile(path string, text []byte, mode fs.FileMode, d Durability) error {
	return Write(path, mode, d, func(w *os.File) error {
		_, err := w.Write(text)
		return err
	})
}

// Write is WriteFile for what fill writes; it may give the file to somebody else, too.
func Write(path string, mode fs.FileMode, d Durability, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = fill(f); err == nil {
		err = f.Chmod(mode)
	}
	if err == nil && d == Durable {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d == Durable {
		return syncDirectory(filepath.Dir(path))
	}
	return nil
}
