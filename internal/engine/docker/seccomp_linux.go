package docker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// seccompProfile is the filter of system calls that an instance's containers run under, as text for the API: moby's default,
// less what nobody in a sandbox needs. What falls away:
//
//   - sockets of all families but Unix, IPv4, IPv6 and netlink: AF_VSOCK is not cut off by a network namespace before
//     Linux 7.0, and the others are code in the kernel that no mail lab runs;
//   - io_uring, which does what it is asked for past any filter, ptrace and its kin, which see into other processes, and
//     userfaultfd and memfd_secret, which are tools for exploits;
//   - the 32-bit calls of the same processor: socketcall hides the family of a socket, and the image has no program that
//     makes them.
func seccompProfile() string {
	p := seccomp.DefaultProfile()
	for i := range p.ArchMap {
		p.ArchMap[i].SubArches = nil
	}
	var kept []*seccomp.Syscall
	for _, rule := range p.Syscalls {
		rule.Names = slices.DeleteFunc(rule.Names, unneeded)
		if len(rule.Names) > 0 {
			kept = append(kept, rule)
		}
	}
	for _, family := range []uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK} {
		kept = append(kept, &seccomp.Syscall{LinuxSyscall: specs.LinuxSyscall{
			Names: []string{"socket"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{{Index: 0, Value: family, Op: specs.OpEqualTo}},
		}})
	}
	p.Syscalls = kept
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("docker: the seccomp profile does not marshal: %v", err)) // plain data: our own bug
	}
	return string(text)
}

// unneeded tells which system calls fall away; socket comes back with its families.
func unneeded(name string) bool {
	return strings.HasPrefix(name, "io_uring") || slices.Contains([]string{
		"socket", "socketcall", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
		"userfaultfd", "memfd_secret", "modify_ldt",
	}, name)
}
