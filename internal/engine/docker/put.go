package docker

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"

	"maillab/internal/engine"
)

// Put creates what is missing and starts what is stopped.
func (e *Engine) Put(ctx context.Context, r engine.Resource, progress engine.Progress) error {
	if progress == nil {
		progress = func(string) {}
	}
	var err error
	switch r.Kind {
	case engine.Image:
		err = e.putImage(ctx, *r.Image, progress)
	case engine.Socket, engine.Volume, engine.Facts: // an empty volume keeps its labels
		err = e.putVolume(ctx, r)
	case engine.Gateway:
		err = e.putContainer(ctx, r, e.onThisMachine(r, gatewaySettings(r)))
	case engine.Sandbox:
		err = e.putContainer(ctx, r, e.onThisMachine(r, sandboxSettings(r)))
	case engine.Web:
		err = e.putContainer(ctx, r, e.onThisMachine(r, webSettings(r)))
	case engine.Filter:
		err = e.putContainer(ctx, r, e.onThisMachine(r, filterSettings(r)))
	default:
		return fmt.Errorf("put %s: no such kind", r.ID())
	}
	return explain(err, "put %s", r.ID())
}

// putVolume creates it. The daemon answers with the old one when there is one of that name, whoever made it.
func (e *Engine) putVolume(ctx context.Context, r engine.Resource) error {
	v, err := e.createVolume(ctx, volume.CreateOptions{Name: nameOf(r), Labels: toLabels(r)}, r.Bytes)
	if err != nil {
		return err
	}
	return ours(r, v.Labels)
}

// createVolume makes one that the file system bounds, where the daemon's has project quotas (XFS with pquota), and one
// without a bound where it has not.
func (e *Engine) createVolume(ctx context.Context, o volume.CreateOptions, bytes int64) (volume.Volume, error) {
	if bytes > 0 && !e.noQuota.Load() {
		o.DriverOpts = map[string]string{"size": strconv.FormatInt(bytes, 10)}
		v, err := e.api.VolumeCreate(ctx, o)
		if err == nil || !strings.Contains(err.Error(), "no quota support") { // the daemon has no code for it
			return v, err
		}
		e.noQuota.Store(true)
		o.DriverOpts = nil
	}
	return e.api.VolumeCreate(ctx, o)
}

// putContainer creates it under its name, unless that is there already, and starts it, unless it runs. While another
// command is creating it, its name is taken and there is nothing under it yet.
func (e *Engine) putContainer(ctx context.Context, r engine.Resource, s settings) error {
	return patiently(ctx, func() (again bool, err error) {
		_, err = e.api.ContainerCreate(ctx, &s.config, &s.host, nil, nil, nameOf(r))
		if err == nil {
			return false, e.start(ctx, r)
		}
		if !errdefs.IsConflict(err) {
			return false, err
		}
		if there := e.startExisting(ctx, r); !errdefs.IsNotFound(there) {
			return false, there
		}
		return true, err
	})
}

// What the daemon is still doing for another command, maybe one that was killed, takes a moment, on a slow disk seconds.
const (
	pause    = 50 * time.Millisecond
	patience = 200 // pauses
)

// patiently tries as long as it is told to, and returns the last error when that was too long.
func patiently(ctx context.Context, try func() (again bool, err error)) error {
	ticks := time.NewTicker(pause)
	defer ticks.Stop()
	for n := 0; ; n++ {
		again, err := try()
		if !again || n == patience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
	}
}

// startExisting starts what is there under the resource's name, if it is ours. What is on its way out it sees out; the
// error is then that there is nothing.
func (e *Engine) startExisting(ctx context.Context, r engine.Resource) error {
	there, err := e.api.ContainerInspect(ctx, nameOf(r))
	if err != nil {
		return err
	}
	if err := ours(r, there.Config.Labels); err != nil {
		return err
	}
	switch {
	case there.State.Dead, there.State.Status == container.StateRemoving:
		if err := e.removeContainer(ctx, r); err != nil {
			return err
		}
		return errdefs.ErrNotFound // now
	case there.State.Paused:
		return e.api.ContainerUnpause(ctx, nameOf(r))
	case there.State.Running:
		return nil
	}
	return e.start(ctx, r)
}

// ours refuses what has the resource's name but not its labels: it is not touched.
func ours(r engine.Resource, labels map[string]string) error {
	if found := fromLabels(labels); found.Instance != r.Instance || found.ID() != r.ID() {
		return fmt.Errorf("%s is there and not maillab's: %w", nameOf(r), engine.ErrConflict)
	}
	return nil
}

// start starts a container that was created. It does nothing to one that runs.
func (e *Engine) start(ctx context.Context, r engine.Resource) error {
	return e.api.ContainerStart(ctx, nameOf(r), container.StartOptions{})
}
