package docker

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
	"maillab/internal/handoff"
	"maillab/internal/sweep"
)

// A task is made from the same settings as a container on one machine (container.go), as far as a service can be given them.
// What it cannot: a network of none, a filter of system calls, no swap, a score for the OOM killer (decision 0102).

// kept is the gateway's own folder; a task's container goes with it, and the doors are to outlive that.
const kept = "/var/lib/gateway"

// excluded is the constraint by which an operator keeps seats off a node: docker node update --label-add maillab=no NODE.
const excluded = "node.labels.maillab!=no"

// restartDelay is how long a task that ended stays so.
const restartDelay = time.Second

// serviceOf is the service of a resource, from the image as nodes are to name it.
func serviceOf(r engine.Resource, s settings, image string) swarm.ServiceSpec {
	labels := toLabels(r)
	labels[labelImage] = r.Sandbox.Image
	return swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: nameOf(r), Labels: labels},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: containerOf(s, r.Instance, image),
			Resources: &swarm.ResourceRequirements{
				Limits:       &swarm.Limit{MemoryBytes: s.host.Memory, NanoCPUs: s.host.NanoCPUs, Pids: pidsOf(s)},
				Reservations: &swarm.Resources{MemoryBytes: s.host.Memory},
			},
			RestartPolicy: &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionAny, Delay: pointer(restartDelay)},
			Placement:     &swarm.Placement{Constraints: []string{excluded}},
			LogDriver:     &swarm.Driver{Name: s.host.LogConfig.Type, Options: s.host.LogConfig.Config},
		},
		Mode: swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: pointer[uint64](1)}},
	}
}

func pidsOf(s settings) int64 {
	if s.host.PidsLimit == nil {
		return 0
	}
	return *s.host.PidsLimit
}

func containerOf(s settings, instance, image string) *swarm.ContainerSpec {
	c := &swarm.ContainerSpec{
		Image: image, Command: s.config.Cmd, User: s.config.User, Env: s.config.Env, Hostname: s.config.Hostname,
		ReadOnly: s.host.ReadonlyRootfs, StopGracePeriod: pointer(stopWithin * time.Second),
		CapabilityDrop: s.host.CapDrop, CapabilityAdd: s.host.CapAdd, Sysctls: s.host.Sysctls, Ulimits: ulimits(s.host),
	}
	for _, m := range s.host.Mounts {
		c.Mounts = append(c.Mounts, onNode(m, instance))
	}
	return c
}

func ulimits(h container.HostConfig) []*container.Ulimit { return h.Ulimits }

// onNode is a mount whose volume a sweep finds again.
func onNode(m mount.Mount, instance string) mount.Mount {
	options := mount.VolumeOptions{}
	if m.VolumeOptions != nil {
		options = *m.VolumeOptions
	}
	options.Labels = map[string]string{sweep.Label: instance}
	m.VolumeOptions = &options
	return m
}

// sandboxService: a service's tmpfs is noexec, and students run scripts from /tmp; a volume of the kernel's tmpfs is not. One is
// enough for both places.
func sandboxService(r engine.Resource, image string) swarm.ServiceSpec {
	s := sandboxSettings(r)
	spec := serviceOf(r, s, image)
	c := spec.TaskTemplate.ContainerSpec
	c.StopSignal = "SIGKILL" // as on one machine: what matters is on volumes, and the daemon is made to be killed
	options := sandboxTmpfs(r.Sandbox.TmpBytes)
	for _, target := range []string{"/tmp", "/var/tmp"} {
		c.Mounts = append(c.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: volumeName(r.Instance, r.Seat, "tmp"), Target: target,
			VolumeOptions: &mount.VolumeOptions{
				NoCopy: true, Labels: map[string]string{sweep.Label: r.Instance},
				DriverConfig: &mount.Driver{Name: "local", Options: map[string]string{
					"type": "tmpfs", "device": "tmpfs", "o": strings.TrimPrefix(options[target], "rw,exec,"),
				}},
			},
		})
	}
	c.Mounts = append(c.Mounts,
		mount.Mount{Type: mount.TypeTmpfs, Target: "/run", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: runBytes, Mode: 0o755}},
		mount.Mount{Type: mount.TypeTmpfs, Target: "/dev/shm", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: shmBytes, Mode: 0o1777}})
	return spec
}

// gatewayService is on every node that may carry seats, and knows on which it is.
func gatewayService(r engine.Resource, image string, secrets []*swarm.SecretReference) swarm.ServiceSpec {
	s := gatewaySettings(r)
	s.host.Mounts = append([]mount.Mount{{Type: mount.TypeVolume, Source: keptName(r.Instance), Target: kept}}, s.host.Mounts...)
	spec := serviceOf(r, s, image)
	spec.Mode = swarm.ServiceMode{Global: &swarm.GlobalService{}}
	spec.TaskTemplate.Networks = []swarm.NetworkAttachmentConfig{{Target: "host"}}
	c := spec.TaskTemplate.ContainerSpec
	c.Env = append(c.Env, engine.EnvNode+"={{.Node.ID}}")
	c.Secrets = secrets
	return spec
}

func keptName(instance string) string { return "maillab-" + instance + "-gateway" }

// pinned are constraints that hold a seat to its node.
func pinned(node string) []string { return []string{"node.id==" + node} }

// nodeOf is the node that a service is pinned to, "" when it is not.
func nodeOf(spec swarm.ServiceSpec) string { return spec.Labels[engine.LabelNode] }

// pin holds a service to a node.
func pin(spec *swarm.ServiceSpec, node string) {
	spec.Labels[engine.LabelNode] = node
	spec.TaskTemplate.Placement = &swarm.Placement{Constraints: pinned(node)}
}

// incarnate has a sandbox say at the gateway which of its places it is at, and have the volumes of that.
func incarnate(spec *swarm.ServiceSpec, r engine.Resource, incarnation int) {
	spec.Labels[engine.LabelIncarnation] = strconv.Itoa(incarnation)
	c := spec.TaskTemplate.ContainerSpec
	c.Env = append(c.Env, handoff.EnvIncarnation+"="+strconv.Itoa(incarnation))
	for i, m := range c.Mounts {
		if strings.HasPrefix(m.Source, sandboxName(r.Instance, r.Seat)+"-") {
			c.Mounts[i].Source = incarnated(m.Source, incarnation)
		}
	}
}

// incarnated is what a seat's volume is called on its node: what a node that comes back has of an earlier incarnation has another
// name than what the seat is given there later.
func incarnated(volume string, incarnation int) string {
	if incarnation <= 1 {
		return volume
	}
	return volume + "." + strconv.Itoa(incarnation)
}

// incarnations are the names of a volume in all incarnations up to one.
func incarnations(volume string, last int) (names []string) {
	for n := 1; n <= last; n++ {
		names = append(names, incarnated(volume, n))
	}
	return names
}

// volumeNames are what a volume has been called in all incarnations up to one. What is in /tmp goes with the state.
func volumeNames(r engine.Resource, last int) []string {
	names := incarnations(nameOf(r), last)
	if r.Part == "state" {
		names = append(names, incarnations(volumeName(r.Instance, r.Seat, "tmp"), last)...)
	}
	return names
}

func replicas(n uint64) swarm.ServiceMode {
	return swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &n}}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
