package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"maillab/internal/engine"
	"maillab/internal/period"
)

// manager is what is asked of a manager's daemon, and waited for there.
type manager struct {
	docker *Engine
	api    *client.Client
	looks  singleflight.Group // at tasks, by instance
	took   atomic.Int64       // nanoseconds that the last of them took
}

// look is how often tasks are looked at that somebody waits for, where looking is not work itself. All look at the same moments, and
// share what is seen.
const look = 100 * time.Millisecond

// lookShare is what part of the time is spent with looking, at most: a list of a thousand tasks is megabytes, and the manager that writes
// it has them to start.
const lookShare = 5

// untilNext is how long it is to the next look.
func (m *manager) untilNext(now time.Time) time.Duration {
	every := max(look, lookShare*time.Duration(m.took.Load()).Truncate(look/2))
	return now.Truncate(every).Add(every).Sub(now)
}

// next is what the next look sees: an instance's tasks, and the nodes.
func (m *manager) next(ctx context.Context, instance string) (swarmSeen, error) {
	select {
	case <-ctx.Done():
		return swarmSeen{}, ctx.Err()
	case <-time.After(m.untilNext(time.Now())):
	}
	seen := m.looks.DoChan(instance, func() (any, error) {
		began := time.Now()
		defer func() { m.took.Store(int64(time.Since(began))) }()
		return m.running(context.WithoutCancel(ctx), labelled(engine.LabelInstance, instance))
	})
	select {
	case <-ctx.Done():
		return swarmSeen{}, ctx.Err()
	case r := <-seen:
		v, _ := r.Val.(swarmSeen)
		return v, r.Err
	}
}

// running is which tasks there are, and on which nodes.
func (m *manager) running(ctx context.Context, which filters.Args) (v swarmSeen, err error) {
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		v.tasks, err = m.api.TaskList(inner, swarm.TaskListOptions{Filters: which})
		return
	})
	group.Go(func() (err error) { v.nodes, err = m.allNodes(inner); return })
	return v, group.Wait()
}

// gateways are the tasks of an instance's gateway, and the nodes.
func (m *manager) gateways(ctx context.Context, instance string) (swarmSeen, error) {
	return m.running(ctx, labelled(engine.LabelInstance, instance, engine.LabelKind, string(engine.Gateway)))
}

// settledNodes are those with a gateway, once none gives way to another: who is let in by one that ends would be cut off at once. One that
// does not end is not waited for.
func (m *manager) settledNodes(ctx context.Context, instance string) ([]swarm.Node, error) {
	for began := time.Now(); ; {
		v, err := m.gateways(ctx, instance)
		if err != nil || !v.giveWay() || time.Since(began) > endPatience {
			return v.withGateway(), err
		}
		if err := period.Wait(ctx, look); err != nil {
			return nil, err
		}
	}
}

// allNodes are the swarm's, by ID.
func (m *manager) allNodes(ctx context.Context) (map[string]swarm.Node, error) {
	list, err := m.api.NodeList(ctx, swarm.NodeListOptions{})
	if err != nil {
		return nil, fmt.Errorf("nodes: %w", err)
	}
	nodes := make(map[string]swarm.Node, len(list))
	for _, n := range list {
		nodes[n.ID] = n
	}
	return nodes, nil
}

// service is the one of a resource; the error is engine.ErrConflict when what has its name is somebody else's.
func (m *manager) service(ctx context.Context, r engine.Resource) (swarm.Service, error) {
	found, _, err := m.api.ServiceInspectWithRaw(ctx, nameOf(r), swarm.ServiceInspectOptions{})
	if err != nil {
		return found, err
	}
	return found, ours(r, found.Spec.Labels)
}

// change updates a service's spec, again when somebody else did so meanwhile. change tells whether there is anything to do.
func (m *manager) change(ctx context.Context, r engine.Resource, change func(*swarm.ServiceSpec) bool) error {
	return patiently(ctx, func() (again bool, err error) {
		found, err := m.service(ctx, r)
		if err != nil || !change(&found.Spec) {
			return false, err
		}
		_, err = m.api.ServiceUpdate(ctx, found.ID, found.Version, found.Spec, swarm.ServiceUpdateOptions{RegistryAuthFrom: swarm.RegistryAuthFromSpec})
		return outOfSequence(err), err
	})
}

// create makes a service; another command may have been quicker. Nodes get an image from its registry as this user.
func (m *manager) create(ctx context.Context, r engine.Resource, spec swarm.ServiceSpec) (id string, err error) {
	auth, err := m.authFor(spec.TaskTemplate.ContainerSpec.Image)
	if err != nil {
		return "", err
	}
	created, err := m.api.ServiceCreate(ctx, spec, swarm.ServiceCreateOptions{EncodedRegistryAuth: auth})
	if exists(err) {
		found, err := m.service(ctx, r)
		return found.ID, err
	}
	return created.ID, err
}

// image is how nodes are to name an image that this manager's engine has.
func (m *manager) image(ctx context.Context, tag string) (string, error) {
	found, err := m.api.ImageInspect(ctx, tag)
	if err != nil {
		return "", err
	}
	return named(found, tag), nil
}

// authFor is what nodes show where they get an image, "" for one that is named by its ID.
func (m *manager) authFor(image string) (string, error) {
	name, err := reference.ParseNormalizedNamed(image)
	if err != nil || !strings.Contains(image, "@") {
		return "", nil
	}
	return m.docker.authFor(name)
}

// awaitGone waits until nothing runs any more of services that a resource had before: two supervisors on the same volumes
// would be one too many. On a node that is gone nothing is waited for.
func (m *manager) awaitGone(ctx context.Context, r engine.Resource) error {
	pairs := []string{engine.LabelInstance, r.Instance, engine.LabelKind, string(r.Kind)}
	if r.Kind == engine.Sandbox {
		pairs = append(pairs, engine.LabelSeat, fmt.Sprint(r.Seat))
	}
	before, err := m.api.TaskList(ctx, swarm.TaskListOptions{Filters: labelled(pairs...)})
	if err != nil || len(before) == 0 {
		return err
	}
	ids := map[string]bool{}
	for _, t := range before {
		ids[t.ID] = true
	}
	return m.awaitEnd(ctx, r.Instance, ids)
}

// awaitEnd waits until none of these tasks is left on a node that answers.
func (m *manager) awaitEnd(ctx context.Context, instance string, ids map[string]bool) error {
	began := time.Now()
	for {
		v, err := m.next(ctx, instance)
		if err != nil {
			return err
		}
		left := slices.IndexFunc(v.tasks, func(t swarm.Task) bool { return ids[t.ID] && !ended(t) && answers(v.nodes[t.NodeID]) })
		if left < 0 {
			return nil
		}
		if time.Since(began) > endPatience {
			t := v.tasks[left]
			return fmt.Errorf("on %s its container does not end: it is %s", nameOfNode(v.nodes[t.NodeID], t.NodeID), t.Status.State)
		}
	}
}

// removeService sees its tasks out: their volumes may be wanted by the next.
func (m *manager) removeService(ctx context.Context, r engine.Resource) error {
	found, err := m.service(ctx, r)
	if err == nil {
		err = m.api.ServiceRemove(ctx, found.ID)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return m.awaitGone(ctx, r)
}

// labelled filters by our labels, given as pairs.
func labelled(pairs ...string) filters.Args {
	args := filters.NewArgs()
	for i := 0; i+1 < len(pairs); i += 2 {
		args.Add("label", pairs[i]+"="+pairs[i+1])
	}
	return args
}

// see asks five lists side by side and inspects nothing one by one.
func (m *manager) see(ctx context.Context, instance string) (v swarmSeen, err error) {
	label := engine.LabelInstance
	if instance != "" {
		label += "=" + instance
	}
	ours := filters.NewArgs(filters.Arg("label", label))
	api := m.api
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) { v.images, err = m.docker.images(inner); return })
	group.Go(func() (err error) {
		v.configs, err = api.ConfigList(inner, swarm.ConfigListOptions{Filters: ours})
		return
	})
	group.Go(func() (err error) {
		v.services, err = api.ServiceList(inner, swarm.ServiceListOptions{Filters: ours})
		return
	})
	group.Go(func() (err error) { v.tasks, err = api.TaskList(inner, swarm.TaskListOptions{Filters: ours}); return })
	group.Go(func() (err error) { v.nodes, err = m.allNodes(inner); return })
	return v, group.Wait()
}

// seeBeside is see, with the tasks of all instances, which take room on the nodes.
func (m *manager) seeBeside(ctx context.Context, instance string) (swarmSeen, error) {
	v, err := m.see(ctx, "")
	v.services = slices.DeleteFunc(v.services, func(found swarm.Service) bool {
		return found.Spec.Labels[engine.LabelInstance] != instance
	})
	return v, err
}

// exists recognises a name that is taken; the daemon's code for it differs between services, configs and secrets.
func exists(err error) bool {
	return err != nil && (errdefs.IsConflict(err) || errdefs.IsAlreadyExists(err) || strings.Contains(err.Error(), "already exists") || strings.Contains(err.Error(), "name conflicts"))
}

// outOfSequence is a change that was based on what is not so any more.
func outOfSequence(err error) bool {
	return err != nil && strings.Contains(err.Error(), "out of sequence")
}

// endPatience is how long a task may take to end: its grace, and a node that is busy.
const endPatience = time.Minute
