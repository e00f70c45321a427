package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"

	"maillab/internal/sweep"
)

// Only a node's own engine can remove its volumes: a job runs there for a moment, with that engine's socket, which nothing else
// of ours ever gets (docs/decisions/0101). Volumes that are removed at the same time share one.

// sweeps are the removals that wait for a job, by instance.
type sweeps struct {
	manager *manager
	turn    sync.Mutex // of the one that runs
	mu      sync.Mutex
	waiting map[string]*batch
}

// batch is one job to be.
type batch struct {
	names []string
	all   bool // whatever they are called
	added time.Time
	done  chan struct{}
	err   error
}

// gather is how long nothing must have been added to a job before it begins. What comes while it runs waits for the next.
const gather = 300 * time.Millisecond

// sweepPatience is how long a job may take. A volume whose container is on its way out is waited for.
const sweepPatience = 2 * time.Minute

// soon has an instance's volumes of these names removed, or all, with what others want removed.
func (s *sweeps) soon(ctx context.Context, instance string, names []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b := s.add(ctx, instance, names)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.done:
		return b.err
	}
}

func (s *sweeps) add(ctx context.Context, instance string, names []string) *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.waiting[instance]
	if b == nil {
		b = &batch{done: make(chan struct{})}
		if s.waiting == nil {
			s.waiting = map[string]*batch{}
		}
		s.waiting[instance] = b
		go s.later(context.WithoutCancel(ctx), instance, b)
	}
	b.names, b.all, b.added = append(b.names, names...), b.all || len(names) == 0, time.Now()
	return b
}

func (s *sweeps) later(ctx context.Context, instance string, b *batch) {
	defer close(b.done)
	s.turn.Lock()
	defer s.turn.Unlock()
	for !s.take(instance, b) {
		time.Sleep(gather / 10)
	}
	if b.all {
		b.names = nil
	}
	b.err = s.run(ctx, instance, b.names)
}

// take has further names wait for the next job, once none has come for a while.
func (s *sweeps) take(instance string, b *batch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(b.added) < gather {
		return false
	}
	delete(s.waiting, instance)
	return true
}

// run removes an instance's volumes of these names, or all, from every node that answers.
func (s *sweeps) run(ctx context.Context, instance string, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, sweepPatience)
	defer cancel()
	image, err := s.taskImage(ctx, instance)
	if err != nil {
		return err
	}
	if image == "" {
		return nil // nothing was ever started
	}
	if len(names) == 0 {
		if err := s.end(ctx, instance); err != nil {
			return err
		}
	}
	job := sweepService(instance, image, names)
	created, err := s.manager.api.ServiceCreate(ctx, job, swarm.ServiceCreateOptions{})
	if err != nil {
		return fmt.Errorf("removing volumes on nodes: %w", err)
	}
	err = s.await(ctx, created.ID)
	return errors.Join(err, s.manager.api.ServiceRemove(context.WithoutCancel(ctx), created.ID))
}

// taskImage is what the instance's services are made from.
func (s *sweeps) taskImage(ctx context.Context, instance string) (string, error) {
	found, _, err := s.manager.api.ConfigInspectWithRaw(ctx, socketName(instance))
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	return found.Spec.Labels[labelTaskImage], err
}

// end removes jobs that a killed command left.
func (s *sweeps) end(ctx context.Context, instance string) error {
	left, err := s.manager.api.ServiceList(ctx, swarm.ServiceListOptions{Filters: labelled(sweep.Label, instance)})
	if err != nil {
		return err
	}
	for _, found := range left {
		if err := s.manager.api.ServiceRemove(ctx, found.ID); err != nil && !errdefs.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// await waits until the job has ended on every node that it can run on. A node without the image has none of our volumes:
// they are made by containers.
func (s *sweeps) await(ctx context.Context, id string) error {
	for {
		nodes, err := s.manager.allNodes(ctx)
		if err != nil {
			return err
		}
		tasks, err := s.manager.api.TaskList(ctx, swarm.TaskListOptions{Filters: byService(id)})
		if err != nil {
			return err
		}
		waiting, failed := 0, []error(nil)
		for _, node := range byName(nodes, nodes) {
			n := nodes[node]
			i := slices.IndexFunc(tasks, func(t swarm.Task) bool { return t.NodeID == node })
			switch {
			case !answers(n):
			case n.Spec.Availability != swarm.NodeAvailabilityActive && i < 0: // nothing is started there; its volumes stay
			case i < 0, !ended(tasks[i]):
				waiting++
			case tasks[i].Status.State != swarm.TaskStateComplete && !strings.Contains(tasks[i].Status.Err, "No such image"):
				failed = append(failed, fmt.Errorf("removing volumes on %s: %s", nameOfNode(n, node), s.lastSaid(ctx, tasks[i])))
			}
		}
		if waiting == 0 {
			return errors.Join(failed...)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("removing volumes on nodes: %w", ctx.Err())
		case <-time.After(look):
		}
	}
}

// lastSaid is what a task printed before it failed.
func (s *sweeps) lastSaid(ctx context.Context, t swarm.Task) string {
	log, err := s.manager.api.TaskLogs(ctx, t.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5"})
	if err != nil {
		return t.Status.Err
	}
	return cmp.Or(plain(log), t.Status.Err)
}

// sweepService runs once on every node. It has none of the labels by which an instance is found. It is no job of Swarm's: engine
// 20.10 leaves a job's containers behind when the job is removed.
func sweepService(instance, image string, names []string) swarm.ServiceSpec {
	return swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: fmt.Sprintf("maillab-%s-sweep-%d", instance, time.Now().UnixNano()), Labels: map[string]string{sweep.Label: instance}},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{
				Image: image, Command: append([]string{gateway, "sweep", instance}, names...), User: "0:0", CapabilityDrop: []string{"ALL"},
				Mounts:     []mount.Mount{{Type: mount.TypeBind, Source: sweep.Socket, Target: sweep.Socket}},
				Privileges: &swarm.Privileges{SELinuxContext: &swarm.SELinuxContext{Disable: true}},
			},
			RestartPolicy: &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone},
			LogDriver:     &swarm.Driver{Name: "json-file"},
		},
		Mode: swarm.ServiceMode{Global: &swarm.GlobalService{}},
	}
}

// plain is a log of the daemon's as text.
func plain(log io.ReadCloser) string {
	defer log.Close()
	var text strings.Builder
	if _, err := stdcopy.StdCopy(&text, &text, log); err != nil {
		return ""
	}
	return strings.TrimSpace(text.String())
}
