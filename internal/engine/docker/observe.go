package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"maillab/internal/engine"
)

// labelImage marks a sandbox image with its tag. Containers inherit an image's labels, so it is none of engine's own,
// and is taken out again of what is observed.
const labelImage = "maillab.image"

// Observe asks three lists side by side and inspects nothing one by one: it costs the same for one sandbox and for many.
func (e *Engine) Observe(ctx context.Context, instance string) ([]engine.Resource, error) {
	label := engine.LabelInstance
	if instance != "" {
		label += "=" + instance
	}
	ours := filters.NewArgs(filters.Arg("label", label))
	lists := make([][]engine.Resource, 3)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { lists[0], err = e.images(ctx); return })
	group.Go(func() (err error) { lists[1], err = e.volumes(ctx, ours); return })
	group.Go(func() (err error) { lists[2], err = e.containers(ctx, ours); return })
	if err := group.Wait(); err != nil {
		return nil, explain(err, "observe %s", cmp.Or(instance, "all instances"))
	}
	all := slices.Concat(lists...)
	engine.Sort(all)
	return all, nil
}

func (e *Engine) images(ctx context.Context) ([]engine.Resource, error) {
	found, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelImage))})
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	var rs []engine.Resource
	for _, i := range found {
		for _, tag := range i.RepoTags {
			if tag == i.Labels[labelImage] {
				rs = append(rs, engine.Resource{
					Kind: engine.Image, State: engine.Running, Image: &engine.ImageSpec{Tag: tag},
				})
			}
		}
	}
	return rs, nil
}

func (e *Engine) volumes(ctx context.Context, ours filters.Args) ([]engine.Resource, error) {
	found, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	var rs []engine.Resource
	for _, v := range found.Volumes {
		rs = append(rs, fromLabels(v.Labels))
	}
	return rs, nil
}

func (e *Engine) containers(ctx context.Context, ours filters.Args) ([]engine.Resource, error) {
	found, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	var rs []engine.Resource
	for _, c := range found {
		r := fromLabels(c.Labels)
		r.Sandbox = &engine.SandboxSpec{Image: c.Image}
		r.State = stateOf(c.State)
		rs = append(rs, r)
	}
	return rs, nil
}

func stateOf(s container.ContainerState) engine.State {
	switch s {
	case container.StateRunning:
		return engine.Running
	case container.StatePaused:
		return engine.Paused
	}
	return engine.Stopped
}

// fromLabels reads back what Put was given. A seat or version that is no number is 0: labels are ours, but anybody may set them.
func fromLabels(labels map[string]string) engine.Resource {
	ours := make(map[string]string, len(labels))
	for k, v := range labels {
		if strings.HasPrefix(k, "maillab.") && k != labelImage {
			ours[k] = v
		}
	}
	seat, _ := strconv.Atoi(ours[engine.LabelSeat])
	version, _ := strconv.Atoi(ours[engine.LabelVersion])
	return engine.Resource{
		Kind: engine.Kind(ours[engine.LabelKind]), Instance: ours[engine.LabelInstance],
		Seat: seat, Version: version, Part: ours[engine.LabelPart], State: engine.Running, Labels: ours,
	}
}

// toLabels are what Put attaches: the resource's own, and those by which it is found and read back.
func toLabels(r engine.Resource) map[string]string {
	labels := make(map[string]string, len(r.Labels)+4)
	for k, v := range r.Labels {
		labels[k] = v
	}
	labels[engine.LabelInstance] = r.Instance
	labels[engine.LabelKind] = string(r.Kind)
	if r.Kind == engine.Sandbox || r.Kind == engine.Volume {
		labels[engine.LabelSeat] = strconv.Itoa(r.Seat)
	}
	if r.Kind == engine.Facts {
		labels[engine.LabelVersion] = strconv.Itoa(r.Version)
	}
	if r.Part != "" {
		labels[engine.LabelPart] = r.Part
	}
	return labels
}
