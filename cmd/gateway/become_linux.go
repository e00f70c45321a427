package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// lastCapability is more than any kernel has; prctl answers EINVAL for those that it does not know.
const lastCapability = 63

// become runs this program anew with other arguments, as a user who may listen on ports under 1024 and nothing else. It
// returns only when it fails.
//
// The right has to be an ambient one (capabilities(7)): it is what a user who is not root keeps over an exec, also under
// no_new_privs, which switches capabilities of files off. Most of this counts for one thread only, hence the exec.
func become(user string, args ...string) error {
	uid, err := strconv.Atoi(user)
	if err != nil || uid <= 0 {
		return fmt.Errorf("no user: %q", user)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"taking capabilities out of the bounding set", bound},
		{"giving up groups", func() error { return syscall.Setgroups(nil) }},
		{"keeping capabilities", func() error { return unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0) }},
		{"becoming the group", func() error { return syscall.Setresgid(uid, uid, uid) }},
		{"becoming the user", func() error { return syscall.Setresuid(uid, uid, uid) }},
		{"setting capabilities", onlyBind},
		{"keeping one over the exec", func() error {
			return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_BIND_SERVICE, 0, 0)
		}},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return fmt.Errorf("running anew: %w", syscall.Exec(program, append([]string{program}, args...), os.Environ()))
}

// bound leaves nothing but NET_BIND_SERVICE to whatever is run from this thread.
func bound() error {
	for c := uintptr(0); c <= lastCapability; c++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if err == unix.EINVAL {
			break
		}
		if err != nil || has == 0 || c == unix.CAP_NET_BIND_SERVICE {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("capability %d: %w", c, err)
		}
	}
	return nil
}

func onlyBind() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	bit := uint32(1) << unix.CAP_NET_BIND_SERVICE
	data := [2]unix.CapUserData{{Effective: bit, Permitted: bit, Inheritable: bit}}
	return unix.Capset(&header, &data[0])
}
