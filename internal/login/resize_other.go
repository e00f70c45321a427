//go:build !unix

package login

// onResize does nothing: this system sends no signal when a terminal's size changes.
func onResize(func()) (stop func()) { return func() {} }
