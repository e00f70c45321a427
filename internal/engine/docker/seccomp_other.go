//go:build !linux

package docker

// seccompProfile is none: moby's module has its default for Linux alone. The daemon's own is in force then, and doctor
// says so.
func seccompProfile() string { return "" }
