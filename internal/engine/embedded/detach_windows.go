package embedded

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// detach puts a command into a group of its own without a console: it outlives the terminal.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}
