package docker

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
)

// labelLeft has, on the records of a seat's volumes, the nodes on which earlier incarnations have left theirs.
const labelLeft = "maillab.left"

// Away implements engine.Mover. A node of which the manager does not know how it is, as after a start of its own, is not gone.
func (s *Swarm) Away(ctx context.Context, instance string) (map[int]engine.Node, error) {
	services, err := s.docker.api.ServiceList(ctx, swarm.ServiceListOptions{
		Filters: labelled(engine.LabelInstance, instance, engine.LabelKind, string(engine.Sandbox)),
	})
	if err != nil {
		return nil, explain(err, "sandboxes of %s", instance)
	}
	nodes, err := s.manager.allNodes(ctx)
	if err != nil {
		return nil, explain(err, "sandboxes of %s", instance)
	}
	away := map[int]engine.Node{}
	for _, found := range services {
		id := nodeOf(found.Spec)
		n, there := nodes[id]
		if id != "" && (!there || n.Status.State == swarm.NodeStateDown) {
			away[fromLabels(found.Spec.Labels).Seat] = engine.Node{ID: id, Name: nameOfNode(n, id), Address: addressOf(n)}
		}
	}
	return away, nil
}

// Displace implements engine.Mover. What comes after it was killed half-way finds a seat that is displaced once more, or one whose
// service is missing and is made anew.
func (s *Swarm) Displace(ctx context.Context, instance string, seat int, restore string) error {
	r := engine.Resource{Kind: engine.Sandbox, Instance: instance, Seat: seat}
	found, err := s.manager.service(ctx, r)
	if err != nil {
		return explain(err, "displace %s", r.ID())
	}
	records, err := s.records.volumesOf(ctx, instance, seat)
	next := placingOf(found.Spec.Labels).incarnation
	for _, c := range records {
		next = max(next, placingOf(c.Spec.Labels).incarnation)
	}
	if err == nil {
		err = s.records.editVolumes(ctx, records, func(labels map[string]string) bool {
			leave(labels, nodeOf(found.Spec))
			labels[engine.LabelIncarnation] = strconv.Itoa(next + 1)
			labels[engine.LabelToken] = found.Spec.Labels[engine.LabelToken]
			setOrDelete(labels, engine.LabelRestore, restore)
			return true
		})
	}
	if err == nil {
		err = s.manager.removeService(ctx, r)
	}
	return explain(err, "displace %s", r.ID())
}

// leave has a record say that what it is of is nowhere, and that a node still has the volume.
func leave(labels map[string]string, node string) {
	if left := placingOf(labels).left; node != "" && !slices.Contains(left, node) {
		labels[labelLeft] = strings.Join(append(left, node), " ")
	}
	delete(labels, engine.LabelNode)
}

func setOrDelete(labels map[string]string, label, value string) {
	labels[label] = value
	if value == "" {
		delete(labels, label)
	}
}

// Hold implements engine.Mover.
func (s *Swarm) Hold(ctx context.Context, instance string, seat int) error {
	err := s.editSeat(ctx, instance, seat, func(labels map[string]string) bool {
		has := labels[engine.LabelRestore] != ""
		if !has {
			labels[engine.LabelRestore] = engine.Unmoved
		}
		return !has
	})
	return explain(err, "hold sandbox %d", seat)
}

// Settle implements engine.Mover.
func (s *Swarm) Settle(ctx context.Context, instance string, seat int) error {
	err := s.editSeat(ctx, instance, seat, func(labels map[string]string) bool {
		_, is := labels[engine.LabelRestore]
		delete(labels, engine.LabelRestore)
		return is
	})
	return explain(err, "settle sandbox %d", seat)
}

// editSeat changes the labels of the records of a seat's volumes.
func (s *Swarm) editSeat(ctx context.Context, instance string, seat int, change func(labels map[string]string) bool) error {
	records, err := s.records.volumesOf(ctx, instance, seat)
	if err != nil {
		return err
	}
	return s.records.editVolumes(ctx, records, change)
}

// Tidy implements engine.Mover.
func (s *Swarm) Tidy(ctx context.Context, instance string) error {
	return explain(s.tidy(ctx, instance), "tidy %s", instance)
}

func (s *Swarm) tidy(ctx context.Context, instance string) error {
	nodes, err := s.manager.allNodes(ctx)
	if err != nil {
		return err
	}
	back := func(id string) bool { n, there := nodes[id]; return !there || answers(n) } // who left the swarm never will
	records, err := s.records.volumes(ctx, instance)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range records {
		if at := placingOf(c.Spec.Labels); slices.ContainsFunc(at.left, back) {
			names = append(names, volumeNames(fromLabels(c.Spec.Labels), at.incarnation-1)...)
		}
	}
	if len(names) == 0 {
		return nil
	}
	if err := s.sweeps.soon(ctx, instance, names); err != nil {
		return err
	}
	return s.records.editVolumes(ctx, records, func(labels map[string]string) bool {
		left := placingOf(labels).left
		still := slices.DeleteFunc(slices.Clone(left), back)
		setOrDelete(labels, labelLeft, strings.Join(still, " "))
		return len(still) != len(left)
	})
}
