// Package docker is the engine on a Docker daemon, 20.10 (API 1.41) or newer. It is the only package that talks to one.
//
// What it keeps for an instance, all found again by its labels alone:
//
//	image      maillab/sandbox:HASH            shared by all instances; label maillab.image
//	socket     maillab-INSTANCE-socket         a volume that the gateway and the sandboxes have in common
//	gateway    maillab-INSTANCE-gateway        a container on the host's network, or with published ports; not root, and
//	                                           without capabilities but NET_BIND_SERVICE
//	volumes    maillab-INSTANCE-SEAT-PART      mail on /var/mail, home on /home, state on /var/lib/maillab
//	sandbox    maillab-INSTANCE-SEAT           a container without a network
//
// Killed at any moment, it leaves something that Observe shows as it is: a container that was created and not started
// is Stopped, a volume without its container is there. Docker's port publishing, with its proxy process for each port, is
// used where the host's network is not that of the machine that people connect to.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"maillab/internal/engine"
)

// Config is what an Engine is opened with.
type Config struct {
	Endpoint Endpoint // which daemon; from FindEndpoint
	Build    Build    // what the sandbox image is built from
	// Auth is what the user has to show at a registry: a user and a password, a token without a user, or nothing. nil is nothing.
	Auth func(host string) (user, secret string, err error)
	Log  *slog.Logger     // nil throws away
	Now  func() time.Time // of certificates; nil is the machine's clock
}

// Build is how an image that is missing is made.
type Build struct {
	Tag     func() string           // what it is called; nil: nobody looks whether it is there
	Context func(w io.Writer) error // writes the build context, a tar with a Dockerfile that takes ARG BASE
	Base    string                  // name for the base image where debian:bookworm-slim is not to be had
	Lock    string                  // file that serialises builds of one user; its folder is made when missing
}

// Engine implements engine.Engine and engine.Execer on one daemon.
type Engine struct {
	api      *client.Client
	endpoint Endpoint
	build    Build
	auth     func(host string) (user, secret string, err error)
	log      *slog.Logger
	now      func() time.Time
	can      engine.Capabilities
	cpus     int         // of the machine
	noQuota  atomic.Bool // volumes cannot be bounded, as was found when one was made
	selinux  bool
	swarm    swarm.Info
}

var (
	_ engine.Engine  = (*Engine)(nil)
	_ engine.Execer  = (*Engine)(nil)
	_ engine.Shipper = (*Engine)(nil)
)

// oldest is the API version of engine 20.10.
const oldest = "1.41"

// Open asks the daemon what it is. The error is engine.ErrUnavailable when none answers.
func Open(ctx context.Context, c Config) (*Engine, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	api, err := c.Endpoint.client()
	if err != nil {
		return nil, fmt.Errorf("docker at %s: %w", c.Endpoint, err)
	}
	e := &Engine{api: api, endpoint: c.Endpoint, build: c.Build, auth: c.Auth, log: c.Log, now: c.Now}
	info, err := api.Info(ctx)
	if err != nil {
		api.Close()
		if errdefs.IsInvalidArgument(err) && strings.Contains(err.Error(), "version") {
			return nil, fmt.Errorf("docker at %s: needs engine 20.10 (API %s) or newer: %w", c.Endpoint, oldest, err)
		}
		if ctx.Err() != nil { // nobody waited for its answer
			return nil, fmt.Errorf("docker at %s: %w", c.Endpoint, err)
		}
		return nil, fmt.Errorf("docker at %s: %w: %w", c.Endpoint, engine.ErrUnavailable, err)
	}
	if err := recent(api.ClientVersion()); err != nil {
		api.Close()
		return nil, fmt.Errorf("docker at %s: %w", c.Endpoint, err)
	}
	e.can, e.cpus, e.selinux, e.swarm = capabilities(info), info.NCPU, secured(info, "name=selinux"), info.Swarm
	return e, nil
}

// Close gives idle connections back.
func (e *Engine) Close() error { return e.api.Close() }

// Capabilities are what this daemon can do, as it was found by Open.
func (e *Engine) Capabilities() engine.Capabilities { return e.can }

// RemoteHost is the name of the machine on which the daemon runs, "" when it is this one.
func (e *Engine) RemoteHost() string { return e.endpoint.RemoteHost() }

// recent refuses a daemon that is too old.
func recent(version string) error {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return fmt.Errorf("API version %q is not one", version)
	}
	if major == 1 && minor < 41 {
		return fmt.Errorf("engine with API %s: 20.10 (API %s) or newer is needed", version, oldest)
	}
	return nil
}

// capabilities are this daemon's. Where the host's network is not that of the machine that people connect to, a gateway
// on it would not be reached: its ports are published.
func capabilities(info system.Info) engine.Capabilities {
	rootless := secured(info, "name=rootless")
	return engine.Capabilities{
		Name: "docker", System: true, Isolated: true, LowPorts: !rootless, Missing: missing(info), Mend: mend(info),
		Forwards: rootless || desktop(info) || secured(info, "name=userns"),
		Seccomp:  seccompProfile() != "" && secured(info, "name=seccomp"),
	}
}

func desktop(info system.Info) bool { return strings.Contains(info.OperatingSystem, "Docker Desktop") }

// secured tells whether a security option is on.
func secured(info system.Info, name string) bool {
	return slices.ContainsFunc(info.SecurityOptions, func(o string) bool { return strings.Contains(o, name) })
}

// missing says what this daemon cannot do for us, "" when nothing.
func missing(info system.Info) string {
	var reasons []string
	if info.OSType != "linux" {
		reasons = append(reasons, "it runs "+info.OSType+" containers, sandboxes are Linux")
	}
	switch {
	case desktop(info):
		reasons = append(reasons, "it is Docker Desktop: ports are forwarded by it, so that mail.log does not tell peers apart")
	case secured(info, "name=rootless"):
		reasons = append(reasons, "it is rootless: each seat's own uids do not exist")
	case secured(info, "name=userns"):
		reasons = append(reasons, "userns-remap is on: each seat's own uids do not exist")
	}
	if !info.MemoryLimit || !info.PidsLimit {
		reasons = append(reasons, "it cannot limit memory or processes")
	}
	return strings.Join(reasons, "; ")
}

// mend is what has to be done about a daemon on which a sandbox cannot be what it is to be: its uids would be others.
func mend(info system.Info) string {
	switch {
	case info.OSType != "linux":
		return "switch the engine to Linux containers"
	case secured(info, "name=rootless"), secured(info, "name=userns"):
		return "use a daemon whose containers have the machine's own uids (no rootless, no userns-remap), or --engine embedded"
	}
	return ""
}

// explain gives a daemon's error the sentinel that callers branch on, and says what was being done.
func explain(err error, doing string, args ...any) error {
	if err == nil {
		return nil
	}
	text := fmt.Sprintf(doing, args...)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", text, err)
	case client.IsErrConnectionFailed(err):
		return fmt.Errorf("%s: %w: %w", text, engine.ErrUnavailable, err)
	case errdefs.IsNotFound(err):
		return fmt.Errorf("%s: %w: %w", text, engine.ErrNotFound, err)
	case strings.Contains(err.Error(), "does not have a leader"):
		return fmt.Errorf("%s: %w: %w; start managers that are down, or, where they do not come back, make the swarm anew with what is left, on a manager: "+
			"docker swarm init --force-new-cluster, and maillab up", text, engine.ErrUnavailable, err)
	case taken(err):
		return fmt.Errorf("%s: %w: %w", text, engine.ErrConflict, err)
	}
	return fmt.Errorf("%s: %w", text, err)
}

// taken recognises a name or a published port that is in use. The daemon has no code for the latter.
func taken(err error) bool {
	return errdefs.IsConflict(err) || strings.Contains(err.Error(), "port is already allocated") || strings.Contains(err.Error(), "address already in use")
}
