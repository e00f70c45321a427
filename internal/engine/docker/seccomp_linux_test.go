package docker

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestSeccompProfile: of sockets four families are left, of io_uring and what sees into other processes nothing, and what
// sshd, mail and a shell need is there.
func TestSeccompProfile(t *testing.T) {
	var p seccomp.Seccomp
	if err := json.Unmarshal([]byte(seccompProfile()), &p); err != nil {
		t.Fatal(err)
	}
	if p.DefaultAction != specs.ActErrno {
		t.Errorf("what no rule names gets %s", p.DefaultAction)
	}
	var families []uint64
	allowed := map[string]bool{}
	for _, rule := range p.Syscalls {
		for _, name := range rule.Names {
			allowed[name] = allowed[name] || rule.Action == specs.ActAllow && rule.Includes == nil
		}
		if slices.Contains(rule.Names, "socket") {
			if len(rule.Args) != 1 || rule.Args[0].Index != 0 || rule.Args[0].Op != specs.OpEqualTo {
				t.Fatalf("a socket of any family: %+v", rule)
			}
			families = append(families, rule.Args[0].Value)
		}
	}
	if d := cmp.Diff([]uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}, families); d != "" {
		t.Errorf("families: -want +got\n%s", d)
	}
	for _, name := range []string{"io_uring_setup", "ptrace", "process_vm_readv", "pidfd_getfd", "socketcall", "userfaultfd"} {
		if allowed[name] {
			t.Errorf("%s is allowed", name)
		}
	}
	for _, name := range []string{"socketpair", "sendmsg", "recvmsg", "setuid", "fcntl", "openat2", "execve", "seccomp", "ioctl", "renameat2"} {
		if !allowed[name] {
			t.Errorf("%s is not allowed", name)
		}
	}
	for _, arch := range p.ArchMap {
		if len(arch.SubArches) > 0 {
			t.Errorf("%s has the calls of %v, too", arch.Arch, arch.SubArches)
		}
	}
}
