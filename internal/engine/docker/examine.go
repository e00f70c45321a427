package docker

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/system"

	"maillab/internal/engine"
)

// Examine says what this daemon is, and what is in the way. It implements engine.Examiner.
func (e *Engine) Examine(ctx context.Context) []engine.Finding {
	info, err := e.api.Info(ctx)
	if err != nil {
		return []engine.Finding{{Level: engine.Bad, What: "docker", Detail: err.Error(), Mend: "start the daemon, or set DOCKER_HOST"}}
	}
	found := []engine.Finding{
		{Level: engine.Good, What: "docker", Detail: fmt.Sprintf("engine %s, API %s, at %s", info.ServerVersion, e.api.ClientVersion(), e.endpoint)},
		{Level: engine.Good, What: "machine", Detail: fmt.Sprintf("%s, kernel %s, %d processors, %d MiB", info.OperatingSystem, info.KernelVersion, info.NCPU, info.MemTotal>>20)},
		room(info), e.storage(ctx, info),
	}
	found = append(found, e.lacks(info)...)
	found = append(found, limits(info)...)
	if e.endpoint.RemoteHost() == "" {
		found = append(found, diskSpace(info.DockerRootDir), descriptors("/var/run/docker.pid", "/proc"))
	}
	return found
}

// room says how large a class fits into memory.
func room(info system.Info) engine.Finding {
	const each = 40 << 20 // measured: idle some 12 MiB, and a student's shells and programs
	f := engine.Finding{Level: engine.Good, What: "memory", Detail: fmt.Sprintf("room for some %d students at work", info.MemTotal/each)}
	if info.MemTotal < 1<<30 {
		f.Level = engine.Warning
	}
	return f
}

// storage says whether volumes can be bounded by the file system, which only making one tells.
func (e *Engine) storage(ctx context.Context, info system.Info) engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "storage", Detail: info.Driver}
	for _, status := range info.DriverStatus {
		if status[0] == "Backing Filesystem" {
			f.Detail += " on " + status[1]
		}
	}
	trial := trialVolume(time.Now())
	err := e.putVolume(ctx, trial)
	if err == nil {
		err = e.Remove(ctx, trial)
	}
	switch {
	case err != nil:
		f.Level, f.Detail = engine.Warning, f.Detail+"; whether volumes can be bounded could not be tried: "+err.Error()
	case e.noQuota.Load():
		f.Detail += "; volumes have no quota: a watch ends a student's programs beyond the limit (XFS with pquota has one)"
	default:
		f.Detail += "; volumes are bounded by project quotas"
	}
	return f
}

// trialVolume is one that is removed at once; when that fails prune finds it by its labels a minute later.
func trialVolume(now time.Time) engine.Resource {
	return engine.Resource{
		Kind: engine.Volume, Instance: "doctor-" + strings.ToLower(rand.Text()), Part: "trial", Bytes: 16 << 20,
		Labels: map[string]string{engine.LabelRun: "doctor", engine.LabelExpires: now.Add(time.Minute).Format(time.RFC3339)},
	}
}

// limits are the kernel's that sandboxes rely on.
func limits(info system.Info) (found []engine.Finding) {
	for _, one := range []struct {
		there bool
		what  string
	}{{info.MemoryLimit, "memory limits"}, {info.PidsLimit, "limits on processes"}, {info.CPUCfsQuota, "limits on processor time"}} {
		f := engine.Finding{Level: engine.Good, What: one.what, Detail: "in force"}
		if !one.there {
			f.Level, f.Detail, f.Mend = engine.Bad, "the kernel has none: one student can use up the machine", "boot with cgroup_enable=memory, or a newer kernel"
		}
		found = append(found, f)
	}
	return append(found, systemCalls(info))
}

// systemCalls says which filter of system calls containers run under.
func systemCalls(info system.Info) engine.Finding {
	switch {
	case !secured(info, "name=seccomp"):
		return engine.Finding{Level: engine.Warning, What: "seccomp", Detail: "the daemon filters no system calls"}
	case seccompProfile() == "":
		return engine.Finding{Level: engine.Good, What: "seccomp", Detail: "the daemon's own filter (maillab's is known on Linux only)"}
	}
	return engine.Finding{Level: engine.Good, What: "seccomp", Detail: "the engine's default filter, less AF_VSOCK, io_uring and what nobody needs"}
}
