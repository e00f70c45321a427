//go:build !windows

package mbox

import "os"

// openBox opens a mailbox's file.
func openBox(path string, flag int, perm os.FileMode) (*os.File, error) {
	return os.OpenFile(path, flag|openFlags, perm)
}
