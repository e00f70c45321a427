package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
)

// swarmSeen is what the manager says at one moment.
type swarmSeen struct {
	images   []engine.Resource
	configs  []swarm.Config
	services []swarm.Service
	tasks    []swarm.Task
	nodes    map[string]swarm.Node
}

// Observe has what services and configs say; a service runs when a task of it does, on a node that answers.
func (s *Swarm) Observe(ctx context.Context, instance string) ([]engine.Resource, error) {
	v, err := s.manager.see(ctx, instance)
	if err != nil {
		return nil, explain(err, "observe %s", cmp.Or(instance, "all instances"))
	}
	all := v.images
	for _, c := range v.configs {
		all = append(all, fromLabels(c.Spec.Labels))
	}
	for _, found := range v.services {
		r := fromLabels(found.Spec.Labels)
		r.Sandbox = &engine.SandboxSpec{Image: found.Spec.Labels[labelImage]}
		if !v.serves(found) {
			r.State = engine.Stopped
		}
		all = append(all, r)
	}
	engine.Sort(all)
	return all, nil
}

// serves tells whether a service does what it is there for: a task runs, and is where it is to stay.
func (v swarmSeen) serves(found swarm.Service) bool {
	return slices.ContainsFunc(v.tasks, func(t swarm.Task) bool {
		return t.ServiceID == found.ID && runs(t, v.nodes) && (found.Spec.Mode.Global != nil || nodeOf(found.Spec) == t.NodeID)
	})
}

// Why has the reasons why seats do not run. It implements engine.Explainer.
func (s *Swarm) Why(ctx context.Context, instance string) (map[int]string, error) {
	v, err := s.manager.seeBeside(ctx, instance)
	if err != nil {
		return nil, explain(err, "observe %s", instance)
	}
	why := map[int]string{}
	for _, found := range v.services {
		r := fromLabels(found.Spec.Labels)
		if r.Kind == engine.Sandbox && !v.serves(found) {
			why[r.Seat] = v.whyNot(found)
		}
	}
	return why, nil
}

// whyNot is why a service has no task that runs.
func (v swarmSeen) whyNot(found swarm.Service) string {
	if mode := found.Spec.Mode.Replicated; mode != nil && mode.Replicas != nil && *mode.Replicas == 0 {
		return "its service was scaled to nothing"
	}
	if id := nodeOf(found.Spec); id != "" {
		return fmt.Sprintf("its mail is on %s, which %s", nameOfNode(v.nodes[id], id), v.refusal(id, found))
	}
	text := ""
	for _, id := range byName(v.nodes, v.nodes) {
		if text != "" {
			text += "; "
		}
		text += nameOfNode(v.nodes[id], id) + " " + v.refusal(id, found)
	}
	return text
}

// refusal is why a node does not carry a service, in words that follow its name.
func (v swarmSeen) refusal(id string, found swarm.Service) string {
	n, there := v.nodes[id]
	need := int64(0)
	if r := found.Spec.TaskTemplate.Resources; r != nil && r.Reservations != nil {
		need = r.Reservations.MemoryBytes
	}
	room := v.room(n)
	switch {
	case !there:
		return "has left the swarm"
	case unsuited(n) != "":
		return unsuited(n)
	case room < need:
		return fmt.Sprintf("has %d MiB left of %d, and %d are wanted", max(room, 0)>>20, n.Description.Resources.MemoryBytes>>20, need>>20)
	}
	if why := v.failure(id, found); why != "" {
		return "refused: " + why
	}
	if !runsOn(v.tasksOf(engine.Gateway), id, v.nodes) {
		return "has no gateway: " + cmp.Or(v.failure(id, v.gateway()), "it is being started")
	}
	return "has room, and has not begun"
}

// room is what of a node's memory is not reserved. Only our own tasks are known here; Swarm counts all.
func (v swarmSeen) room(n swarm.Node) int64 {
	free := n.Description.Resources.MemoryBytes
	for _, t := range v.tasks {
		if r := t.Spec.Resources; t.NodeID == n.ID && !ended(t) && r != nil && r.Reservations != nil {
			free -= r.Reservations.MemoryBytes
		}
	}
	return free
}

// failure is what the newest task of a service that came to something on a node ended with, "" where that one runs. What is only being
// tried again says nothing yet.
func (v swarmSeen) failure(node string, found swarm.Service) string {
	var last swarm.Task
	for _, t := range v.tasks {
		runs := t.Status.State == swarm.TaskStateRunning
		if t.ServiceID == found.ID && t.NodeID == node && (runs || t.Status.Err != "") && t.CreatedAt.After(last.CreatedAt) {
			last = t
		}
	}
	if last.Status.State == swarm.TaskStateRunning {
		return ""
	}
	return last.Status.Err
}

// gateway is the instance's service.
func (v swarmSeen) gateway() swarm.Service {
	for _, found := range v.services {
		if found.Spec.Labels[engine.LabelKind] == string(engine.Gateway) {
			return found
		}
	}
	return swarm.Service{}
}

// tasksOf are those of the services of a kind.
func (v swarmSeen) tasksOf(kind engine.Kind) (tasks []swarm.Task) {
	for _, t := range v.tasks {
		i := slices.IndexFunc(v.services, func(found swarm.Service) bool { return found.ID == t.ServiceID })
		if i >= 0 && v.services[i].Spec.Labels[engine.LabelKind] == string(kind) {
			tasks = append(tasks, t)
		}
	}
	return tasks
}
