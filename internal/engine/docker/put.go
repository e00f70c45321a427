package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"maillab/internal/engine"
	"maillab/internal/pool"
)

// Put creates what is missing and starts what is stopped.
func (e *Engine) Put(ctx context.Context, r engine.Resource, progress engine.Progress) error {
	if progress == nil {
		progress = func(string) {}
	}
	var err error
	switch r.Kind {
	case engine.Image:
		err = e.putImage(ctx, r.Image.Tag, progress)
	case engine.Network:
		err = e.putNetwork(ctx, r)
	case engine.Volume, engine.Facts: // an empty volume keeps its labels
		err = e.putVolume(ctx, r)
	case engine.Gateway:
		err = e.putContainer(ctx, r, e.onThisMachine(gatewaySettings(r)))
	case engine.Sandbox:
		err = e.putContainer(ctx, r, e.onThisMachine(sandboxSettings(r)))
	default:
		return fmt.Errorf("put %s: no such kind", r.ID())
	}
	return explain(err, "put %s", r.ID())
}

// putNetwork makes the bridge. The daemon would make a second network of the same name, so it is looked for first.
func (e *Engine) putNetwork(ctx context.Context, r engine.Resource) error {
	return patiently(ctx, func() (again bool, err error) {
		there, err := e.api.NetworkList(ctx, network.ListOptions{Filters: ofResource(r)})
		if err != nil || len(there) > 0 {
			return false, err
		}
		if err = e.createNetwork(ctx, r); err == nil || !taken(err) {
			return false, err
		}
		return e.whoHas(ctx, r, err)
	})
}

// whoHas finds out about a name or range that is taken: by a network of somebody else's, which is the error; by this
// network, if another command was ahead; or, if by none that is to be seen, by one that is still being made.
func (e *Engine) whoHas(ctx context.Context, r engine.Resource, why error) (again bool, err error) {
	all, err := e.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return false, err
	}
	for _, n := range all {
		switch {
		case ours(r, n.Labels) == nil:
			return false, nil
		case n.Name == nameOf(r), slices.ContainsFunc(subnetsOf(n), r.Network.Subnet.Overlaps):
			return false, fmt.Errorf("%w: by network %s", why, n.Name)
		}
	}
	return true, why
}

// createNetwork makes a bridge that cuts sandboxes off from each other and from everything but the host. A plain one
// lets a gateway that is attached to it connect to sandboxes and be forwarded to; what goes out gets no address of the
// host's, so that without the sandboxes' own chains, too, no answer would come back from a network beyond the host.
func (e *Engine) createNetwork(ctx context.Context, r engine.Resource) error {
	options := map[string]string{"com.docker.network.bridge.enable_icc": "false"}
	if r.Network.Plain {
		options = map[string]string{"com.docker.network.bridge.enable_ip_masquerade": "false"}
	}
	_, err := e.api.NetworkCreate(ctx, nameOf(r), network.CreateOptions{
		Driver:   "bridge",
		Internal: !r.Network.Plain,
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{
			Subnet:  r.Network.Subnet.String(),
			Gateway: pool.Bridge(r.Network.Subnet).String(),
		}}},
		Options: options,
		Labels:  toLabels(r),
	})
	return err
}

// putVolume creates it. The daemon answers with the old one when there is one of that name, whoever made it.
func (e *Engine) putVolume(ctx context.Context, r engine.Resource) error {
	v, err := e.api.VolumeCreate(ctx, volume.CreateOptions{Name: nameOf(r), Labels: toLabels(r)})
	if err != nil {
		return err
	}
	return ours(r, v.Labels)
}

// putContainer creates it under its name, unless that is there already, and starts it, unless it runs. While another
// command is creating it, its name is taken and there is nothing under it yet.
func (e *Engine) putContainer(ctx context.Context, r engine.Resource, s settings) error {
	return patiently(ctx, func() (again bool, err error) {
		_, err = e.api.ContainerCreate(ctx, &s.config, &s.host, &s.network, nil, nameOf(r))
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
	if r.Kind == engine.Gateway {
		if err := e.giveDirectory(ctx, nameOf(r)); err != nil {
			return err
		}
	}
	return e.api.ContainerStart(ctx, nameOf(r), container.StartOptions{})
}

// giveDirectory makes the directory that the gateway, which is not root, may write. It is in the container's own file
// system, so the gateway remembers its doors over a reboot and forgets them when it is made anew.
func (e *Engine) giveDirectory(ctx context.Context, name string) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	header := &tar.Header{Typeflag: tar.TypeDir, Name: gatewayDir + "/", Mode: 0o700, Uid: gatewayUID, Gid: gatewayUID}
	if err := errors.Join(w.WriteHeader(header), w.Close()); err != nil {
		return err
	}
	return e.api.CopyToContainer(ctx, name, "/", &archive, container.CopyToContainerOptions{})
}
