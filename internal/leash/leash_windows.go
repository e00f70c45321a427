package leash

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// leash is the job that a command and what it starts are in. The kernel ends all of them when our handle of it is
// closed, by us or because this process is gone.
type leash struct{ job windows.Handle }

// newLeash is for a command that has not started yet. On a console it gets Ctrl-C itself, else it is ended by us.
func newLeash(cmd *exec.Cmd, _ string, terminal bool) (*leash, error) {
	if !terminal {
		cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
	}
	job, err := newJob()
	if err != nil {
		return nil, fmt.Errorf("job for the command: %w", err)
	}
	return &leash{job: job}, nil
}

// hold is for the command when it has started.
func (l *leash) hold(cmd *exec.Cmd) error {
	if err := assign(l.job, cmd.Process.Pid); err != nil {
		return fmt.Errorf("job for the command: %w", err)
	}
	return nil
}

// assign puts a process into a job, unless it has ended already.
func assign(job windows.Handle, pid int) error {
	const rights = windows.PROCESS_SET_QUOTA | windows.PROCESS_TERMINATE | windows.SYNCHRONIZE
	process, err := windows.OpenProcess(rights, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(process)
	err = windows.AssignProcessToJobObject(job, process)
	if state, _ := windows.WaitForSingleObject(process, 0); state == windows.WAIT_OBJECT_0 {
		return nil
	}
	return err
}

// newJob makes a job whose processes end with it.
func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		_ = windows.CloseHandle(job)
	}
	return job, err
}

func (l *leash) release() { _ = windows.CloseHandle(l.job) }

// kill may come too late: then there is nothing to do. Windows has no signal that asks a process to end.
func (l *leash) kill()     { _ = windows.TerminateJobObject(l.job, 1) }
func (l *leash) askToEnd() { l.kill() }

// Nobody watches here: the kernel does.
func ignoreSignals()        {}
func killWatched(int) error { return errors.ErrUnsupported }

// codeOf is a command's exit code.
func codeOf(exit *exec.ExitError) int { return exit.ExitCode() }
