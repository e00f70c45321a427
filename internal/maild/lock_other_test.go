//go:build !linux

package maild

// lockByStudent does nothing where the spool is the daemon's own.
func (b *sandboxed) lockByStudent(string) func() { return func() {} }
