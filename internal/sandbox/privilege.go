//go:build linux

package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// lastCapability is more than any kernel has; prctl answers EINVAL for those that it does not know.
const lastCapability = 63

// dropBounding takes everything but keep out of the calling thread's bounding set. Run it on a locked thread.
func dropBounding(keep []uintptr) error {
	for c := uintptr(0); c <= lastCapability; c++ {
		if slices.Contains(keep, c) {
			continue
		}
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if err == unix.EINVAL {
			break
		}
		if err != nil || has == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("dropping capability %d: %w", c, err)
		}
	}
	return nil
}

// hasCapability tells whether the calling thread could use it.
func hasCapability(c uintptr) (bool, error) {
	_, data, err := capget()
	return err == nil && data[c/32].Permitted&(1<<(c%32)) != 0, err
}

func capget() (unix.CapUserHeader, [2]unix.CapUserData, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&header, &data[0])
	return header, data, err
}

// execWithout runs this program anew, same arguments, without one capability and with env added to the environment. In
// a Go program there is no other way to be rid of one for good: prctl and capset change one thread, and children are
// started from whichever thread comes along. It returns only when it fails.
func execWithout(c uintptr, env ...string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
		return fmt.Errorf("dropping capability %d: %w", c, err)
	}
	header, data, err := capget()
	if err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	bit := uint32(1) << (c % 32)
	data[c/32].Effective &^= bit
	data[c/32].Permitted &^= bit
	data[c/32].Inheritable &^= bit
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	program, err := os.Executable()
	if err == nil {
		err = syscall.Exec(program, os.Args, append(os.Environ(), env...))
	}
	return fmt.Errorf("running anew: %w", err)
}
