package cli

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C from a command that is not on our console's side: it is ended by us.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// askToEnd does what there is: Windows has no signal that asks a process of another group to end.
func askToEnd(cmd *exec.Cmd, _ bool) { _ = cmd.Process.Kill() }
func kill(cmd *exec.Cmd, _ bool)     { _ = cmd.Process.Kill() }

// codeOf is a command's exit code.
func codeOf(exit *exec.ExitError) int { return exit.ExitCode() }
