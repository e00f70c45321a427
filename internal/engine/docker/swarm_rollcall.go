package docker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
	"maillab/internal/rollcall"
)

// labelRollcall is what the service of a roll call has: none of those by which an instance is found.
const labelRollcall = "maillab.rollcall"

// rollcallPatience is how long nodes are waited for: they may have to get the image from a registry first.
const rollcallPatience = time.Minute

// rollcall has a task on every node that may have seats say how it is there.
func (s *Swarm) rollcall(ctx context.Context, image string, nodes map[string]swarm.Node) (rollcalled, error) {
	ctx, cancel := context.WithTimeout(ctx, rollcallPatience)
	defer cancel()
	a := rollcalled{nodes: nodes, said: map[string]rollcall.Report{}, refused: map[string]string{}}
	if err := s.endRollcalls(ctx); err != nil {
		return a, err
	}
	o := rollcall.Order{Port: trialPort}
	for _, id := range byName(nodes, nodes) {
		if n := nodes[id]; unsuited(n) == "" {
			o.Nodes = append(o.Nodes, rollcall.Node{ID: id, Address: addressOf(n), Manager: n.ManagerStatus != nil})
		}
	}
	spec, err := rollcallService(image, o)
	if err != nil {
		return a, err
	}
	auth, err := s.manager.authFor(image)
	if err != nil {
		return a, err
	}
	created, err := s.docker.api.ServiceCreate(ctx, spec, swarm.ServiceCreateOptions{EncodedRegistryAuth: auth})
	if err != nil {
		return a, err
	}
	defer func() { _ = s.docker.api.ServiceRemove(context.WithoutCancel(ctx), created.ID) }()
	return a, s.hear(ctx, created.ID, o, a)
}

// hear waits until each node has said something, or failed.
func (s *Swarm) hear(ctx context.Context, id string, o rollcall.Order, a rollcalled) error {
	for {
		tasks, err := s.docker.api.TaskList(ctx, swarm.TaskListOptions{Filters: byService(id)})
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if ended(t) {
				a.refused[t.NodeID] = t.Status.Err
			}
		}
		log, err := s.docker.api.ServiceLogs(ctx, id, container.LogsOptions{ShowStdout: true})
		if err != nil {
			return err
		}
		for line := range strings.Lines(plain(log)) {
			var r rollcall.Report
			if json.Unmarshal([]byte(line), &r) == nil && r.Node != "" {
				a.said[r.Node] = r
				delete(a.refused, r.Node)
			}
		}
		if len(a.said)+len(a.refused) >= len(o.Nodes) {
			return nil
		}
		select {
		case <-ctx.Done():
			for _, n := range o.Nodes {
				if _, came := a.said[n.ID]; !came && a.refused[n.ID] == "" {
					a.refused[n.ID] = "it says nothing"
				}
			}
			return nil
		case <-time.After(look):
		}
	}
}

// rollcallService runs once on every node, on its own network: that is what gateways have.
func rollcallService(image string, o rollcall.Order) (swarm.ServiceSpec, error) {
	order, err := json.Marshal(o)
	name := "maillab-rollcall-" + strings.ToLower(rand.Text()[:8])
	return swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: name, Labels: map[string]string{labelRollcall: name}},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{
				Image: image, Command: []string{gateway, "rollcall", string(order)}, User: gatewayAs(), CapabilityDrop: []string{"ALL"}, ReadOnly: true,
				Env: []string{engine.EnvNode + "={{.Node.ID}}"},
			},
			Networks:      []swarm.NetworkAttachmentConfig{{Target: "host"}},
			Placement:     &swarm.Placement{Constraints: []string{excluded}},
			RestartPolicy: &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone},
			LogDriver:     &swarm.Driver{Name: "json-file"},
		},
		Mode: swarm.ServiceMode{Global: &swarm.GlobalService{}},
	}, err
}

// endRollcalls removes those that a killed command left.
func (s *Swarm) endRollcalls(ctx context.Context) error {
	left, err := s.docker.api.ServiceList(ctx, swarm.ServiceListOptions{Filters: filters.NewArgs(filters.Arg("label", labelRollcall))})
	for _, found := range left {
		if time.Since(found.CreatedAt) > 2*rollcallPatience {
			_ = s.docker.api.ServiceRemove(ctx, found.ID) // the next one may find more
		}
	}
	return err
}
