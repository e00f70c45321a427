package docker

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"

	"maillab/internal/engine"
)

// Programs in the sandbox image.
const (
	programs = "/usr/lib/maillab/"
	labinit  = programs + "labinit"
	gateway  = programs + "gateway"
	web      = programs + "web"
)

// gatewayUID is nobody that any image or host knows.
const (
	gatewayUID = 65532
	webUID     = 65533
	filterUID  = 65531

	// The volume on which sandboxes register, in the gateway, and in a sandbox, where only root gets.
	socketInGateway = "/var/lib/gateway/socket"
	socketInSandbox = "/srv/gateway/socket"
	socketBeside    = "/mnt"
)

// volumeTargets is where a sandbox finds its volumes.
func volumeTargets() map[string]string {
	return map[string]string{"mail": "/var/mail", "home": "/home", "state": "/var/lib/maillab"}
}

// sandboxCapabilities are all that a sandbox's root has. They are what the supervisor says it needs, reason by reason, in
// package sandbox, which the controller does not import (it is of Linux only); a test holds the two equal.
// no-new-privileges stays off, or passwd and su would not work.
func sandboxCapabilities() strslice.StrSlice {
	return strslice.StrSlice{
		"CHOWN", "SETUID", "SETGID", "SYS_CHROOT", "AUDIT_WRITE", "KILL", "SETPCAP", "LEASE", "NET_ADMIN", "NET_BIND_SERVICE",
	}
}

// sandboxSysctls are the supervisor's too: ports under 1024 are root's, which they are not by the daemon's default.
func sandboxSysctls() map[string]string {
	return map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024"}
}

// What every container is bounded by.
const (
	oomScore   = 100 // a class goes before the host's own services; students' processes, raised further, go first
	shmBytes   = 8 << 20
	runBytes   = 16 << 20
	stopWithin = 3 // seconds, after SIGTERM
)

// settings are the two parts of what a container is created from.
type settings struct {
	config container.Config
	host   container.HostConfig
}

// sandboxSettings: the supervisor as PID 1, root with few capabilities, no network, and nothing to be written but volumes,
// sized tmpfs, and what root keeps in /etc (passwd renames its files there).
func sandboxSettings(r engine.Resource) settings {
	s := base(r)
	s.config.Cmd = strslice.StrSlice{labinit}
	s.config.User = "0:0"
	s.config.Hostname = r.Sandbox.Hostname
	s.host.CapAdd, s.host.Sysctls = sandboxCapabilities(), sandboxSysctls()
	s.isolate()
	s.host.Tmpfs = sandboxTmpfs(r.Sandbox.TmpBytes)
	s.host.ShmSize = shmBytes
	for _, part := range slices.Sorted(maps.Keys(volumeTargets())) {
		s.host.Mounts = append(s.host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: volumeName(r.Instance, r.Seat, part), Target: volumeTargets()[part],
			VolumeOptions: &mount.VolumeOptions{NoCopy: true}, // the supervisor makes what must be there
		})
	}
	s.host.Mounts = append(s.host.Mounts, mount.Mount{
		Type: mount.TypeVolume, Source: socketName(r.Instance), Target: socketInSandbox,
		ReadOnly:      true, // who put another socket there would be told the other sandboxes' tokens
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	})
	return s
}

// isolate gives no network but a loopback of its own (docs/decisions/0120). NetworkMode alone has the daemon run itself anew to
// lay out a network of nothing, which takes half of what a container's start does; whoever knows the first and not the second makes
// one without a network all the same.
func (s *settings) isolate() {
	s.host.NetworkMode, s.config.NetworkDisabled = network.NetworkNone, true
}

// publish has the daemon forward to its ports; what is no host:port is left to the gateway to complain about.
func (s *settings) publish(doors map[int]string) {
	s.config.ExposedPorts, s.host.PortBindings = nat.PortSet{}, nat.PortMap{}
	for at, listen := range doors {
		host, port, err := net.SplitHostPort(listen)
		if err != nil {
			continue
		}
		inside := nat.Port(strconv.Itoa(at) + "/tcp")
		s.config.ExposedPorts[inside] = struct{}{}
		s.host.PortBindings[inside] = []nat.PortBinding{{HostIP: host, HostPort: port}}
	}
}

// sandboxTmpfs are the places that everybody, or a daemon, writes to. Students run their scripts from /tmp: it is not
// noexec.
func sandboxTmpfs(tmp int64) map[string]string {
	if tmp <= 0 {
		tmp = 16 << 20
	}
	open := "rw,exec,nosuid,nodev,mode=1777,size=" + strconv.FormatInt(tmp, 10)
	return map[string]string{
		"/tmp": open, "/var/tmp": open,
		"/run": fmt.Sprintf("rw,noexec,nosuid,nodev,mode=755,size=%d", runBytes),
	}
}

// gatewayAs is the user of everything in a gateway's container.
func gatewayAs() string { return fmt.Sprintf("%d:%d", gatewayUID, gatewayUID) }

// gatewaySettings: on the host's network, where it listens for students, or on the daemon's default bridge, where the daemon
// forwards to it.
//
// The daemon gives capabilities to root alone: the gateway starts as root, keeps the one for ports under 1024, and runs
// itself anew as its own user before it reads anything (docs/decisions/0005).
func gatewaySettings(r engine.Resource) settings {
	s := base(r)
	s.config.Cmd = strslice.StrSlice{gateway, "serve", strconv.Itoa(gatewayUID)}
	s.config.User = "0:0"
	s.host.CapAdd = strslice.StrSlice{"NET_BIND_SERVICE", "SETUID", "SETGID", "SETPCAP"}
	s.host.NetworkMode = network.NetworkHost
	if r.Sandbox.Publish != nil {
		s.host.NetworkMode = network.NetworkBridge
		s.publish(r.Sandbox.Publish)
	}
	// What is in the image there, an empty folder of the gateway's, is copied to a new volume: so it is the gateway's.
	s.host.Mounts = []mount.Mount{{Type: mount.TypeVolume, Source: socketName(r.Instance), Target: socketInGateway}}
	s.host.SecurityOpt = []string{"no-new-privileges"}
	if s.host.Memory == 0 {
		s.host.Memory, s.host.MemorySwap = engine.GatewayMemory, engine.GatewayMemory
	}
	if r.Sandbox.PIDs == 0 {
		s.host.PidsLimit = pointer[int64](engine.GatewayPIDs)
	}
	return s
}

// webSettings: a program that serves a class's browsers, as nobody, without network, capabilities or a file that it could
// write. It reaches what the gateway hands it.
func webSettings(r engine.Resource) settings { return besideSettings(r, webUID, web) }

// filterSettings: SpamAssassin, the same way. It needs a place for what it takes apart.
func filterSettings(r engine.Resource) settings {
	s := besideSettings(r, filterUID, gateway, "filter")
	s.config.Hostname = r.Sandbox.Hostname
	s.host.Tmpfs = map[string]string{"/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=" + strconv.FormatInt(r.Sandbox.TmpBytes, 10)}
	return s
}

// besideSettings are those of a program beside the sandboxes.
func besideSettings(r engine.Resource, uid int, program ...string) settings {
	s := base(r)
	s.config.Cmd = program
	s.config.User = fmt.Sprintf("%d:%d", uid, uid)
	s.isolate()
	s.host.ReadonlyRootfs = true
	s.host.Mounts = []mount.Mount{{
		Type: mount.TypeVolume, Source: socketName(r.Instance), Target: socketBeside, ReadOnly: true,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}}
	s.host.SecurityOpt = []string{"no-new-privileges"}
	return s
}

// base is what all have in common.
func base(r engine.Resource) settings {
	spec := r.Sandbox
	s := settings{
		config: container.Config{
			Image: spec.Image, Labels: toLabels(r), Entrypoint: strslice.StrSlice{}, StopTimeout: pointer(stopWithin),
		},
		host: container.HostConfig{
			CapDrop:       strslice.StrSlice{"ALL"},
			RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyAlways},
			LogConfig: container.LogConfig{
				Type: "json-file", Config: map[string]string{"max-size": "1m", "max-file": "2"},
			},
			OomScoreAdj: oomScore,
			IpcMode:     container.IPCModePrivate,
			Resources: container.Resources{
				Memory: spec.Memory, MemorySwap: spec.Memory, // equal: no swap
				NanoCPUs: spec.NanoCPUs,
				// Not nofile: a daemon that has less itself cannot start a container with more.
				Ulimits: []*container.Ulimit{{Name: "core"}},
			},
		},
	}
	if spec.PIDs > 0 {
		s.host.PidsLimit = pointer(spec.PIDs)
	}
	for _, k := range slices.Sorted(maps.Keys(spec.Env)) {
		s.config.Env = append(s.config.Env, k+"="+spec.Env[k])
	}
	return s
}

// onThisMachine asks for no more processors than there are: the daemon refuses that, and a class that shares a sandbox may
// have the limits of many. The filter of system calls is asked for where the daemon can take one. Where it confines by
// SELinux, all containers of an instance get one level: each would get one of its own, and could not connect to the socket
// that the gateway made on the volume that they share.
func (e *Engine) onThisMachine(r engine.Resource, s settings) settings {
	s.host.NanoCPUs = min(s.host.NanoCPUs, int64(e.cpus)*1e9)
	if e.can.Seccomp {
		s.host.SecurityOpt = append(s.host.SecurityOpt, "seccomp="+seccompProfile())
	}
	if e.selinux {
		s.host.SecurityOpt = append(s.host.SecurityOpt, "label=level:"+levelOf(r.Instance))
	}
	return s
}

func pointer[T any](v T) *T { return &v }
