//go:build linux

package sandbox

import (
	"fmt"
	"slices"
	"syscall"
	"unsafe"

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

// giveUp takes a capability from this whole program, and from whatever it starts, for good. Both settings belong to threads: each
// is told, and one that is born later has what the one had that made it.
func giveUp(c uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0); errno != 0 {
		return fmt.Errorf("dropping capability %d: %w", c, errno)
	}
	header, data, err := capget()
	if err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	bit := uint32(1) << (c % 32)
	data[c/32].Effective &^= bit
	data[c/32].Permitted &^= bit
	data[c/32].Inheritable &^= bit
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0)
	if errno != 0 {
		return fmt.Errorf("capset: %w", errno)
	}
	return nil
}
