// Package scratch is the folders that run and sandbox have among temporary files, and those that killed commands have left there.
package scratch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"maillab/internal/filelock"
)

// temporaryPrefix begins the names of the data folders of run and sandbox, among temporary files. Such a folder has a
// lock file: while that is taken the folder is in use, else its command was killed.
const temporaryPrefix = "maillab-temporary-"

// mostTries bounds how often one is begun anew.
const mostTries = 6

// Make makes a folder that is ours until release is called; it removes those that killed commands have left.
func Make() (dir string, release func(), err error) {
	for _, dir := range Abandoned() {
		_ = Remove(dir) // another command may be quicker; what stays is prune's
	}
	for range mostTries { // somebody who removes what is abandoned may see the folder before it is locked
		dir, err := os.MkdirTemp("", temporaryPrefix)
		if err != nil {
			return "", nil, err
		}
		lock := filepath.Join(dir, "lock")
		unlock, ok, err := filelock.Try(lock)
		if err != nil && !os.IsNotExist(err) {
			return "", nil, err
		}
		if !ok {
			continue
		}
		if _, err := os.Stat(lock); err == nil {
			return dir, func() { _ = removeLocked(dir, unlock) }, nil // what stays is prune's
		}
		unlock()
	}
	return "", nil, fmt.Errorf("no temporary folder in %s: each is removed by somebody", os.TempDir())
}

// removeLocked removes a folder whose lock is ours. Windows removes the lock's file only when nobody has it open.
func removeLocked(dir string, unlock func()) error {
	_ = os.RemoveAll(dir)
	unlock()
	return os.RemoveAll(dir)
}

// Abandoned are the temporary folders of commands that were killed. Other users' are not looked into.
func Abandoned() (dirs []string) {
	all, _ := filepath.Glob(filepath.Join(os.TempDir(), temporaryPrefix+"*")) // the pattern is a good one
	for _, dir := range all {
		lock := filepath.Join(dir, "lock")
		if f, err := os.Open(lock); err == nil {
			f.Close()
			if !filelock.Held(lock) {
				dirs = append(dirs, dir)
			}
		}
	}
	slices.Sort(dirs)
	return dirs
}

// Remove removes one that is still nobody's.
func Remove(dir string) error {
	unlock, ok, err := filelock.Try(filepath.Join(dir, "lock"))
	if err != nil || !ok {
		return err
	}
	return removeLocked(dir, unlock)
}
