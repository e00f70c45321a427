package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"

	"maillab/internal/engine"
)

// Remove kills and removes. A class of 30 goes in seconds because nothing is asked to stop first: what matters is on
// volumes, and the daemon in a sandbox is made to be killed.
func (e *Engine) Remove(ctx context.Context, r engine.Resource) error {
	var err error
	switch r.Kind {
	case engine.Image:
		_, err = e.api.ImageRemove(ctx, r.Image.Tag, image.RemoveOptions{PruneChildren: true})
	case engine.Network:
		err = e.removeNetworks(ctx, r)
	case engine.Volume, engine.Facts:
		err = e.removeVolume(ctx, r)
	case engine.Gateway, engine.Sandbox:
		err = e.removeContainer(ctx, r)
	default:
		return fmt.Errorf("remove %s: no such kind", r.ID())
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	return explain(err, "remove %s", r.ID())
}

// removeNetworks removes all that carry the resource's labels: two commands that raced may have made two.
func (e *Engine) removeNetworks(ctx context.Context, r engine.Resource) error {
	there, err := e.api.NetworkList(ctx, network.ListOptions{Filters: ofResource(r)})
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range there {
		if err := e.api.NetworkRemove(ctx, n.ID); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
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

// ofResource filters for exactly this resource, whatever its name.
func ofResource(r engine.Resource) filters.Args {
	return filters.NewArgs(
		filters.Arg("label", engine.LabelInstance+"="+r.Instance),
		filters.Arg("label", engine.LabelKind+"="+string(r.Kind)),
	)
}
