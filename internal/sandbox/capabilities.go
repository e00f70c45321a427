package sandbox

import "strconv"

// Capability is one of Linux's, with the reason why a sandbox's container is created with it.
type Capability struct {
	Name   string // as Docker spells it
	Number uintptr
	Reason string
}

// capability numbers, from linux/capability.h.
const (
	capChown      = 0
	capKill       = 5
	capSetgid     = 6
	capSetuid     = 7
	capSetpcap    = 8
	capNetBind    = 10
	capNetAdmin   = 12
	capSysChroot  = 18
	capLease      = 28
	capAuditWrite = 29
)

// Capabilities are what a sandbox's container needs; all others are dropped. Each was found to be needed by leaving it
// out: see TestEveryCapabilityIsNeeded. What is not here is done another way: files of users are opened as those users
// (no DAC_OVERRIDE), directories are root's while their modes are put right (no FOWNER, no FSETID).
func Capabilities() []Capability {
	return []Capability{
		{"CHOWN", capChown, "labinit gives homes and mailboxes to their users; sshd a terminal"},
		{"SETUID", capSetuid, "sshd becomes the student; the broker opens files as the user; maild is not root"},
		{"SETGID", capSetgid, "the same for groups"},
		{"SYS_CHROOT", capSysChroot, "sshd's unprivileged part lives in an empty directory"},
		{"AUDIT_WRITE", capAuditWrite, "PAM's audit records: without it, logins with a terminal are cut"},
		{"KILL", capKill, "labinit ends maild and students' processes"},
		{"SETPCAP", capSetpcap, "labinit takes capabilities out of the bounding set before anything else starts"},
		{"LEASE", capLease, "maild proves that nobody has a mailbox open (write lease on a file of another's)"},
		{"NET_ADMIN", capNetAdmin, "labinit takes the network down and sets routes, then gives it up"},
		{"NET_BIND_SERVICE", capNetBind, "labinit opens the mail ports and port 22, which nobody else may: see Sysctls"},
	}
}

// lowPorts is where the kernel keeps the first port that needs no CAP_NET_BIND_SERVICE, ip_unprivileged_port_start in
// ip-sysctl, and lowPortsEnd what it is to be there. Docker sets 0 in a container's network namespace, and then port 22 is
// anybody's while sshd starts anew or is off: a student could collect the passwords of those who share his server.
const (
	lowPorts    = "net.ipv4.ip_unprivileged_port_start"
	lowPortsEnd = 1024
)

// Sysctls are the kernel's settings that a sandbox's container is created with, by name. They are of its own network
// namespace. labinit cannot set them, /proc/sys is read-only in a container; it starts nothing without them.
func Sysctls() map[string]string {
	return map[string]string{lowPorts: strconv.Itoa(lowPortsEnd)}
}

// CapabilityNames are the names of Capabilities, for an engine's CapAdd.
func CapabilityNames() []string {
	var names []string
	for _, c := range Capabilities() {
		names = append(names, c.Name)
	}
	return names
}
