package docker

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"maillab/internal/engine"
)

// records are configs: what is kept of an instance's facts, of its seats' volumes and of its socket, as labels.
type records struct{ api *client.Client }

// put creates a config, which keeps labels, unless it is there.
func (rs records) put(ctx context.Context, r engine.Resource, data []byte) error {
	spec := swarm.ConfigSpec{Annotations: swarm.Annotations{Name: nameOf(r), Labels: toLabels(r)}, Data: data}
	_, err := rs.api.ConfigCreate(ctx, spec)
	if exists(err) {
		_, err = rs.own(ctx, r)
	}
	return err
}

// own is the record of a resource; the error is engine.ErrConflict when what has its name is somebody else's.
func (rs records) own(ctx context.Context, r engine.Resource) (swarm.Config, error) {
	found, _, err := rs.api.ConfigInspectWithRaw(ctx, nameOf(r))
	if err != nil {
		return found, err
	}
	return found, ours(r, found.Spec.Labels)
}

func (rs records) remove(ctx context.Context, r engine.Resource) error {
	found, err := rs.own(ctx, r)
	if err != nil {
		return err
	}
	return rs.api.ConfigRemove(ctx, found.ID)
}

// edit changes a record's labels, again when somebody else did so meanwhile. change tells whether there is anything to do.
func (rs records) edit(ctx context.Context, name string, change func(labels map[string]string) bool) error {
	return patiently(ctx, func() (again bool, err error) {
		found, _, err := rs.api.ConfigInspectWithRaw(ctx, name)
		if err != nil || !change(found.Spec.Labels) {
			return false, err
		}
		err = rs.api.ConfigUpdate(ctx, found.ID, found.Version, found.Spec)
		return outOfSequence(err), err
	})
}

// editVolumes changes the labels of records of volumes, as edit does; those that are taken away meanwhile are none.
func (rs records) editVolumes(ctx context.Context, of []swarm.Config, change func(labels map[string]string) bool) error {
	for _, c := range of {
		if !change(maps.Clone(c.Spec.Labels)) {
			continue
		}
		if err := rs.edit(ctx, c.Spec.Name, change); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("record %s: %w", c.Spec.Name, err)
		}
	}
	return nil
}

// volumes are the records of an instance's volumes.
func (rs records) volumes(ctx context.Context, instance string) ([]swarm.Config, error) {
	return rs.api.ConfigList(ctx, swarm.ConfigListOptions{Filters: labelled(engine.LabelInstance, instance, engine.LabelKind, string(engine.Volume))})
}

// volumesOf are those of a seat's.
func (rs records) volumesOf(ctx context.Context, instance string, seat int) ([]swarm.Config, error) {
	return rs.api.ConfigList(ctx, swarm.ConfigListOptions{Filters: labelled(
		engine.LabelInstance, instance, engine.LabelKind, string(engine.Volume), engine.LabelSeat, strconv.Itoa(seat))})
}

// placing is where a seat is, as the record of its state says.
type placing struct {
	node        string // "": nowhere yet
	incarnation int
	left        []string // nodes that have volumes of earlier incarnations
}

func placingOf(labels map[string]string) placing {
	incarnation, _ := strconv.Atoi(labels[engine.LabelIncarnation])
	return placing{labels[engine.LabelNode], max(1, incarnation), strings.Fields(labels[labelLeft])}
}

func (rs records) place(ctx context.Context, r engine.Resource) (placing, error) {
	found, _, err := rs.api.ConfigInspectWithRaw(ctx, volumeName(r.Instance, r.Seat, "state"))
	if errdefs.IsNotFound(err) {
		return placingOf(nil), nil
	}
	return placingOf(found.Spec.Labels), err
}
