//go:build unix

package embedded

import (
	"os/exec"
	"syscall"
)

// detach puts a command into a session of its own: it outlives the terminal.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
