//go:build unix

package cli

import (
	"os/exec"
	"syscall"
)

// ownGroup gives a command a process group, so that what it starts can be ended with it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// askToEnd and kill may come too late: then there is nothing to do.
func askToEnd(cmd *exec.Cmd, terminal bool) { signalTo(cmd, terminal, syscall.SIGTERM) }
func kill(cmd *exec.Cmd, terminal bool)     { signalTo(cmd, terminal, syscall.SIGKILL) }

func signalTo(cmd *exec.Cmd, terminal bool, s syscall.Signal) {
	if terminal {
		_ = cmd.Process.Signal(s)
		return
	}
	_ = syscall.Kill(-cmd.Process.Pid, s)
}

// codeOf is a command's exit code, as a shell tells it.
func codeOf(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
