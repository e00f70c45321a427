package probe

import (
	"fmt"
	"slices"
	"strings"
)

// Matrix is all probes for a place, in the order in which they are made: what may disturb comes last.
func Matrix(p Place) []Probe {
	return slices.Concat(works(), neighbours(p), host(p), outside(), secrets(p), root(), load())
}

func denied(group, name, command string) Probe {
	return Probe{Group: group, Name: name, Kind: Denied, Command: command}
}

func works() []Probe {
	var all []Probe
	for name, command := range map[string]string{
		"its own SMTP":               connect("localhost", "25"),
		"its own POP3, by address":   connect("127.0.1.1", "110"),
		"a server of its own":        python(ownServer),
		"reading its own mailbox":    "cat /var/mail/\"$(id -un)\" >/dev/null",
		"its own SSH":                connect("localhost", "22"),
		"python, for what is denied": python("import socket, ctypes, os"),
	} {
		all = append(all, Probe{Group: "works", Name: name, Kind: Works, Command: command})
	}
	slices.SortFunc(all, func(a, b Probe) int { return strings.Compare(a.Name, b.Name) })
	return all
}

const ownServer = `import socket
l = socket.create_server(("127.0.0.1", 0)); c = socket.create_connection(l.getsockname())
l.accept()[0].send(b"hello"); assert c.recv(5) == b"hello"`

func neighbours(p Place) []Probe {
	var all []Probe
	for _, door := range p.Doors {
		all = append(all, denied("neighbours", "the door "+door, connectTo(door)))
	}
	for _, name := range p.Names {
		all = append(all, denied("neighbours", "the name "+name, "getent hosts "+name))
	}
	return append(all,
		denied("neighbours", "the gateway's socket", "ls /srv/gateway/socket"),
		denied("neighbours", "registering as another", python(register)))
}

const register = `import socket
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect("/srv/gateway/socket/gateway.sock")`

func host(p Place) []Probe {
	var all []Probe
	for _, address := range p.Host {
		for _, port := range p.Ports {
			all = append(all, denied("host", address+" port "+port, connect(address, port)))
		}
		for _, port := range []string{"22", "2375"} {
			all = append(all, denied("host", address+" port "+port, connect(address, port)))
		}
	}
	for _, name := range []string{"host.docker.internal", "gateway.docker.internal"} {
		all = append(all, denied("host", "the name "+name, "getent hosts "+name))
	}
	for _, socket := range []string{"/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"} {
		all = append(all, denied("host", socket, "test -e "+socket))
	}
	for _, device := range []string{"/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse", "/dev/net/tun"} {
		all = append(all, denied("host", device, "test -e "+device))
	}
	return append(all,
		denied("host", "a socket to the hypervisor", python("import socket; socket.socket(40, socket.SOCK_STREAM)")), // AF_VSOCK
		denied("host", "io_uring", python(ring)),
		denied("host", "the kernel's log", "dmesg"),
		denied("host", "a kernel setting", "echo 1 >/proc/sys/kernel/panic"),
		denied("host", "the magic key", "echo h >/proc/sysrq-trigger"),
		denied("host", "a control group", "find /sys/fs/cgroup -writable | grep -q . "),
	)
}

// outside are connects that wait until their time is up, as the default route leads to loopback, and the reason why nothing
// else gets out either: there is no interface.
// ring asks for an io_uring with an address that is none: a kernel that would give one says EFAULT, the filter EPERM.
const ring = `import ctypes
c = ctypes.CDLL(None, use_errno=True); c.syscall(425, 1, None); assert ctypes.get_errno() != 1`

func outside() []Probe {
	return []Probe{
		denied("outside", "an interface beside loopback", python(interfaces)),
		denied("outside", "the Internet", connect("1.1.1.1", "443")),
		denied("outside", "the Internet by IPv6", connect("2606:4700:4700::1111", "443")),
		denied("outside", "a private network", connect("192.168.1.1", "80")),
		denied("outside", "the metadata address", connect("169.254.169.254", "80")),
		denied("outside", "a name", "getent ahosts debian.org"),
		denied("outside", "Docker's resolver", connect("127.0.0.11", "53")),
	}
}

const interfaces = `import os
assert any(int(open("/sys/class/net/" + n + "/flags").read(), 16) & 1 for n in os.listdir("/sys/class/net") if n != "lo" and os.path.isdir("/sys/class/net/" + n))`

func secrets(p Place) []Probe {
	all := []Probe{
		denied("secrets", "password hashes", "cat /etc/shadow"),
		denied("secrets", "dialogues", "ls /var/lib/maillab/maild/dialogues"),
		denied("secrets", "the daemon's state", "ls /var/lib/maillab/maild"),
		denied("secrets", "the spec with its checks", "cat /var/lib/maillab/labinit/spec.json"),
		denied("secrets", "the supervisor's folder", "ls /var/lib/maillab/labinit"),
		denied("secrets", "the control token", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep MAILLAB_TOKEN"),
		denied("secrets", "the daemon's descriptors", "for d in /proc/[0-9]*; do test -O $d || ls $d/fd 2>/dev/null; done | grep -q ."),
		denied("secrets", "another's memory", "head -c 1 /proc/1/mem"),
		denied("secrets", "writing the log", "echo x >>/var/log/mail.log"),
		denied("secrets", "taking the log away", "rm -f /var/lib/maillab/log/mail.log"),
		denied("secrets", "ending the supervisor", "kill -0 1"),
		denied("secrets", "changing programs", "touch /usr/lib/maillab/maild"),
		denied("secrets", "changing settings", "echo x >>/etc/hosts"),
		denied("secrets", "a folder in the root", "mkdir /x"),
		denied("secrets", "a place in the spool", "touch /var/mail/probe"),
	}
	if p.Other != "" {
		all = append(all,
			denied("secrets", "another's mail", "cat /var/mail/"+p.Other),
			denied("secrets", "writing another's mail", "echo x >>/var/mail/"+p.Other),
			denied("secrets", "taking another's mail away", "rm -f /var/mail/"+p.Other+" && test ! -e /var/mail/"+p.Other),
			denied("secrets", "another's home", "ls /home/"+p.Other))
	}
	return all
}

func root() []Probe {
	return []Probe{
		denied("root", "setuid(0)", python("import os; os.setuid(0)")),
		denied("root", "su without a password", "su -c true </dev/null"),
		denied("root", "su with the usual passwords", "for w in '' root toor admin maillab; do echo \"$w\" | su -c true && exit 0; done; exit 1"),
		denied("root", "setuid and setgid programs that should not be", "find / -xdev -perm /6000 -type f 2>/dev/null | grep -v -x -e /usr/bin/passwd -e /usr/bin/su -e /bin/su -e /bin/passwd"),
		denied("root", "programs with capabilities", python(fileCapabilities)),
		denied("root", "a user namespace", "unshare -Ur true"),
		denied("root", "a mount", "mount -t tmpfs none /mnt"),
		denied("root", "chroot", python("import os; os.chroot(\"/\")")),
		denied("root", "another's namespaces", "nsenter -t 1 -m true"),
		denied("root", "a device", "mknod \"$HOME/probe\" b 8 0"),
		denied("root", "a raw socket", python("import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)")),
		denied("root", "a packet socket", python("import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)")),
		denied("root", "tracing the supervisor", python("import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(16, 1, 0, 0) != 0)")),
		denied("root", "a higher priority", "nice -n -5 true 2>&1 | grep -q . && exit 1; nice -n -5 true"),
		denied("root", "a higher limit", python("import resource as r; r.setrlimit(r.RLIMIT_NPROC, (100000, 100000))")),
		denied("root", "the clock", "date -s 12:00"),
		denied("root", "the host name", "hostname probe"),
	}
}

const fileCapabilities = `import os, sys
for d, _, names in os.walk("/usr"):
    for n in names:
        f = os.path.join(d, n)
        if not os.path.islink(f) and "security.capability" in os.listxattr(f): print(f); sys.exit(0)
sys.exit(1)`

// seconds is how long a load goes on by itself.
const seconds = 5

func load() []Probe {
	l := func(name, command, after string) Probe {
		return Probe{Group: "load", Name: name, Kind: Load, Command: command, After: after}
	}
	return []Probe{
		l("a fork bomb", python(fmt.Sprintf(forkBomb, seconds)), ""),
		l("all inotify instances", python(fmt.Sprintf(inotify, seconds)), ""),
		l("all descriptors and pipes", python(fmt.Sprintf(descriptors, seconds)), ""),
		l("a memory hog", fmt.Sprintf("timeout %d ", 2*seconds)+python("b = []\nwhile 1: b.append(bytearray(8 << 20))"), ""),
		l("busy loops", fmt.Sprintf("for i in 1 2 3 4; do timeout %d sh -c 'while :; do :; done' & done; wait", seconds), ""),
		l("ten thousand connections", python(fmt.Sprintf(connections, seconds)), ""),
		l("a disk filler", "i=0; while [ $i -lt 64 ]; do dd if=/dev/zero of=\"$HOME/probe$i\" bs=1M count=16 2>/dev/null || break; i=$((i+1)); done; "+
			"dd if=/dev/zero of=/tmp/probe bs=1M count=1024 2>/dev/null", "rm -f \"$HOME\"/probe* /tmp/probe"),
	}
}

const (
	forkBomb = `import os, time
end = time.time() + %d
while time.time() < end:
    try: os.fork()
    except OSError: time.sleep(0.01)`

	inotify = `import ctypes, time
libc = ctypes.CDLL(None); end = time.time() + %d
while time.time() < end:
    if libc.inotify_init() < 0: time.sleep(0.05)`

	descriptors = `import os, time
kept = []; end = time.time() + %d
while time.time() < end:
    try: kept.append(os.pipe())
    except OSError: time.sleep(0.05)`

	// Twelve processes, because of the limit on each one's descriptors.
	connections = `import os, socket, time
for _ in range(12):
    if os.fork() == 0: break
kept = []; end = time.time() + %d
while time.time() < end:
    try:
        if len(kept) < 900:
            s = socket.socket(); s.settimeout(1); kept.append(s); s.connect(("127.0.0.1", 25))
        else: time.sleep(0.05)
    except OSError: time.sleep(0.01)`
)
