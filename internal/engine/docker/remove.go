package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"maillab/internal/engine"
)

// Remove kills and removes. A class of 30 goes in seconds because nothing is asked to stop first: what matters is on
// volumes, and the daemon in a sandbox is made to be killed.
func (e *Engine) Remove(ctx context.Context, r engine.Resource) error {
	var err error
	switch r.Kind {
	case engine.Image:
		err = e.removeImage(ctx, r.Image.Tag)
	case engine.Socket, engine.Volume, engine.Facts:
		err = e.removeVolume(ctx, r)
	case engine.Gateway, engine.Sandbox, engine.Web, engine.Filter:
		err = e.removeContainer(ctx, r)
	default:
		return fmt.Errorf("remove %s: no such kind", r.ID())
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	return explain(err, "remove %s", r.ID())
}

func (e *Engine) removeVolume(ctx context.Context, r engine.Resource) error {
	there, err := e.api.VolumeInspect(ctx, nameOf(r))
	if err != nil {
		return err
	}
	if err := ours(r, there.Labels); err != nil {
		return err
	}
	return e.api.VolumeRemove(ctx, there.Name, false)
}

// removeContainer kills, and waits for the end when somebody else is removing it already.
func (e *Engine) removeContainer(ctx context.Context, r engine.Resource) error {
	there, err := e.api.ContainerInspect(ctx, nameOf(r))
	if err != nil {
		return err
	}
	if err := ours(r, there.Config.Labels); err != nil {
		return err
	}
	err = e.api.ContainerRemove(ctx, there.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if !errdefs.IsConflict(err) {
		return err
	}
	removed, failed := e.api.ContainerWait(ctx, there.ID, container.WaitConditionRemoved)
	select {
	case <-removed:
		return nil
	case err := <-failed:
		return err
	}
}
