package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/swarm"
	"golang.org/x/sync/semaphore"

	"maillab/internal/engine"
)

// seats are sandboxes' services: Swarm places each once, then it is pinned (docs/decisions/0100).
type seats struct {
	manager  *manager
	records  records
	gateways gateways
	starting *semaphore.Weighted // bounds how many are being started
}

// put makes a sandbox, waits until it runs, and pins it to the node that Swarm has found.
func (s seats) put(ctx context.Context, r engine.Resource) error {
	if err := s.starting.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.starting.Release(1)
	before := map[string]bool{}
	found, err := s.manager.service(ctx, r)
	switch {
	case errdefs.IsNotFound(err):
		if found.ID, err = s.createService(ctx, r); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if before, err = s.failures(ctx, r, found.ID); err != nil {
			return err
		}
		if err := s.wake(ctx, r); err != nil {
			return err
		}
	}
	node, err := s.awaitRunning(ctx, r, found.ID, before)
	if err != nil {
		return err
	}
	return s.settle(ctx, r, node)
}

// createService makes a service where its volumes are, or, when nobody knows yet, on any node that has a gateway.
func (s seats) createService(ctx context.Context, r engine.Resource) (id string, err error) {
	if err := s.manager.awaitGone(ctx, r); err != nil {
		return "", err
	}
	image, err := s.manager.image(ctx, r.Sandbox.Image)
	if err != nil {
		return "", err
	}
	spec := sandboxService(s.onNodes(r), image)
	at, err := s.records.place(ctx, r)
	if err != nil {
		return "", err
	}
	incarnate(&spec, r, at.incarnation)
	if at.node != "" {
		pin(&spec, at.node)
	} else if err := s.whereGatewaysAre(ctx, r, &spec); err != nil {
		return "", err
	}
	if at.node == "" {
		for _, left := range at.left {
			spec.TaskTemplate.Placement.Constraints = append(spec.TaskTemplate.Placement.Constraints, "node.id!="+left)
		}
	}
	return s.manager.create(ctx, r, spec)
}

// onNodes asks for no more processors than a node has: its daemon refuses that. All are taken to be like this one.
func (s seats) onNodes(r engine.Resource) engine.Resource {
	spec := *r.Sandbox
	spec.NanoCPUs = min(spec.NanoCPUs, int64(s.manager.docker.cpus)*1e9)
	r.Sandbox = &spec
	return r
}

// whereGatewaysAre leaves out the nodes that have none, once that is known: the gateway may be put at the same time.
func (s seats) whereGatewaysAre(ctx context.Context, r engine.Resource, spec *swarm.ServiceSpec) error {
	gateway := engine.Resource{Kind: engine.Gateway, Instance: r.Instance}
	var id string
	err := patiently(ctx, func() (again bool, err error) {
		found, err := s.manager.service(ctx, gateway)
		id = found.ID
		return errdefs.IsNotFound(err), err
	})
	if err != nil {
		return err
	}
	v, err := s.gateways.await(ctx, gateway, id, func(string) {})
	if err != nil {
		return err
	}
	for _, id := range byName(v.nodes, v.nodes) {
		if !v.hasGateway(id) {
			spec.TaskTemplate.Placement.Constraints = append(spec.TaskTemplate.Placement.Constraints, "node.id!="+id)
		}
	}
	return nil
}

// wake has a service that was scaled to nothing run again, where its volumes are.
func (s seats) wake(ctx context.Context, r engine.Resource) error {
	return s.manager.change(ctx, r, func(spec *swarm.ServiceSpec) bool {
		if mode := spec.Mode.Replicated; mode != nil && mode.Replicas != nil && *mode.Replicas == 1 {
			return false
		}
		spec.Mode = replicas(1)
		return true
	})
}

// failures are the tasks of a service that have ended.
func (s seats) failures(ctx context.Context, r engine.Resource, id string) (map[string]bool, error) {
	v, err := s.manager.next(ctx, r.Instance)
	failed := map[string]bool{}
	for _, t := range v.tasks {
		if t.ServiceID == id && ended(t) {
			failed[t.ID] = true
		}
	}
	return failed, err
}

// mostFailures of a task end waiting for the next.
const mostFailures = 3

// awaitRunning waits for a task that runs, and says on which node. before are those that had ended before.
func (s seats) awaitRunning(ctx context.Context, r engine.Resource, id string, before map[string]bool) (node string, err error) {
	failed := map[string]string{}
	for {
		v, err := s.manager.next(ctx, r.Instance)
		if err != nil {
			return "", err
		}
		for _, t := range v.tasks {
			switch {
			case t.ServiceID != id || before[t.ID]:
			case t.Status.State == swarm.TaskStateRunning && t.DesiredState == swarm.TaskStateRunning:
				return t.NodeID, nil
			case t.Status.State == swarm.TaskStatePending && t.Status.Err != "":
				return "", s.unfit(ctx, r)
			case t.Status.State == swarm.TaskStateFailed, t.Status.State == swarm.TaskStateRejected:
				failed[t.ID] = t.Status.Err
			}
		}
		if len(failed) >= mostFailures {
			return "", s.unfit(ctx, r)
		}
	}
}

// unfit says which node refuses a seat for what reason.
func (s seats) unfit(ctx context.Context, r engine.Resource) error {
	v, err := s.manager.seeBeside(ctx, r.Instance)
	if err != nil {
		return errors.Join(errUnfit, err)
	}
	for _, found := range v.services {
		if found.Spec.Name == nameOf(r) {
			return fmt.Errorf("%w: %s", errUnfit, v.whyNot(found))
		}
	}
	return errUnfit
}

// settle keeps where a seat is: first its volumes' record, then the service, which is held there. Neither ends the task.
func (s seats) settle(ctx context.Context, r engine.Resource, node string) error {
	err := s.records.edit(ctx, volumeName(r.Instance, r.Seat, "state"), func(labels map[string]string) bool {
		was := labels[engine.LabelNode]
		labels[engine.LabelNode] = node
		return was != node
	})
	if err != nil && !errdefs.IsNotFound(err) { // without such a volume it is not kept
		return err
	}
	return s.manager.change(ctx, r, func(spec *swarm.ServiceSpec) bool {
		if nodeOf(*spec) == node && slices.Equal(spec.TaskTemplate.Placement.Constraints, pinned(node)) {
			return false
		}
		pin(spec, node)
		return true
	})
}

// Restart makes a task of a service end and another begin. It implements engine.Restarter.
func (s *Swarm) Restart(ctx context.Context, instance string, seat int) error {
	r := engine.Resource{Kind: engine.Sandbox, Instance: instance, Seat: seat}
	found, err := s.manager.service(ctx, r)
	if err != nil {
		return explain(err, "restart %s", r.ID())
	}
	before := map[string]bool{}
	v, err := s.manager.next(ctx, instance)
	for _, t := range v.tasks {
		before[t.ID] = before[t.ID] || t.ServiceID == found.ID
	}
	if err == nil {
		err = s.manager.change(ctx, r, func(spec *swarm.ServiceSpec) bool { spec.TaskTemplate.ForceUpdate++; return true })
	}
	if err == nil {
		_, err = s.seats.awaitRunning(ctx, r, found.ID, before)
	}
	return explain(err, "restart %s", r.ID())
}
