package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
)

// gateways are the instances': each a service with a task on every node that may carry seats.
type gateways struct {
	manager *manager
	keys    meshKeys
}

// put waits until it has begun on every node, or was refused there: a node without a gateway gets no seats.
func (g gateways) put(ctx context.Context, r engine.Resource, progress engine.Progress) error {
	found, err := g.manager.service(ctx, r)
	switch {
	case errdefs.IsNotFound(err):
		if found.ID, err = g.createService(ctx, r); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		err := g.manager.change(ctx, r, func(spec *swarm.ServiceSpec) bool {
			wanted := []string{excluded}
			if slices.Equal(spec.TaskTemplate.Placement.Constraints, wanted) {
				return false
			}
			spec.TaskTemplate.Placement.Constraints = wanted
			return true
		})
		if err != nil {
			return err
		}
	}
	_, err = g.await(ctx, r, found.ID, progress)
	return err
}

func (g gateways) createService(ctx context.Context, r engine.Resource) (id string, err error) {
	if err := g.manager.awaitGone(ctx, r); err != nil {
		return "", err
	}
	image, err := g.manager.image(ctx, r.Sandbox.Image)
	if err != nil {
		return "", err
	}
	secrets, err := g.keys.note(ctx, r.Instance, image)
	if err != nil {
		return "", err
	}
	return g.manager.create(ctx, r, gatewayService(r, image, secrets))
}

// await returns when on each node that may have one it runs, or has failed, with its tasks; one at least must run.
func (g gateways) await(ctx context.Context, r engine.Resource, id string, progress engine.Progress) (swarmSeen, error) {
	for began := time.Now(); ; {
		v, err := g.manager.next(ctx, r.Instance)
		if err != nil {
			return v, err
		}
		v.tasks = slices.DeleteFunc(slices.Clone(v.tasks), func(t swarm.Task) bool { return t.ServiceID != id })
		waiting, running, refused := 0, 0, []string(nil)
		for _, node := range byName(v.nodes, v.nodes) {
			n := v.nodes[node]
			switch why := v.failure(node, swarm.Service{ID: id}); {
			case unsuited(n) != "":
			case leaves(v.tasks, node) && time.Since(began) < endPatience:
				waiting++
			case runsOn(v.tasks, node, v.nodes):
				running++
			case why != "" || failedBefore(v.tasks, node):
				refused = append(refused, nameOfNode(n, node)+": "+cmp.Or(why, "it does not stay up"))
			default:
				waiting++
			}
		}
		if waiting > 0 {
			continue
		}
		for _, why := range refused {
			progress("no gateway, and no seats, on " + why)
		}
		if running == 0 {
			return v, fmt.Errorf("%w: %s", errUnfit, strings.Join(refused, "; "))
		}
		return v, nil
	}
}

// errUnfit is that no node takes a task.
var errUnfit = errors.New("no node takes it")
