package docker

import (
	"slices"
	"testing"

	"github.com/docker/docker/api/types/swarm"
)

// TestManagersFirst: whatever their IDs are, the first node of the gateways' picture, whose vote decides of two, is a manager.
func TestManagersFirst(t *testing.T) {
	nodes := map[string]swarm.Node{}
	for id, role := range map[string]swarm.NodeRole{"a": swarm.NodeRoleWorker, "b": swarm.NodeRoleManager, "c": swarm.NodeRoleWorker, "d": swarm.NodeRoleManager} {
		nodes[id] = swarm.Node{ID: id, Spec: swarm.NodeSpec{Role: role}}
	}
	var ids []string
	for _, n := range managersFirst(nodes) {
		ids = append(ids, n.ID)
	}
	if want := []string{"b", "d", "a", "c"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
}

// TestWhoHasAGateway: a node whose gateway is being started anew is one of those that hear one another, also in that moment; one that
// refuses it is not. While one gives way to another, who counts doors waits.
func TestWhoHasAGateway(t *testing.T) {
	const runs, starts, ended, refused = swarm.TaskStateRunning, swarm.TaskStateStarting, swarm.TaskStateFailed, swarm.TaskStateRejected
	const shutdown = swarm.TaskStateShutdown
	task := func(is, wanted swarm.TaskState) swarm.Task {
		return swarm.Task{NodeID: "a", Status: swarm.TaskStatus{State: is}, DesiredState: wanted}
	}
	for name, c := range map[string]struct {
		node  swarm.NodeState
		tasks []swarm.Task
		want  bool
		yield bool
	}{
		"it runs":          {swarm.NodeStateReady, []swarm.Task{task(runs, runs)}, true, false},
		"none was there":   {swarm.NodeStateReady, nil, false, false},
		"it begins":        {swarm.NodeStateReady, []swarm.Task{task(starts, runs)}, true, true},
		"it is gone":       {swarm.NodeStateDown, []swarm.Task{task(runs, shutdown)}, true, false},
		"it was cut off":   {swarm.NodeStateReady, []swarm.Task{task(runs, shutdown), task(starts, runs)}, true, true},
		"two run":          {swarm.NodeStateReady, []swarm.Task{task(runs, shutdown), task(runs, runs)}, true, true},
		"the new one runs": {swarm.NodeStateReady, []swarm.Task{task(shutdown, shutdown), task(runs, runs)}, true, false},
		"it comes back":    {swarm.NodeStateReady, []swarm.Task{task(ended, shutdown), task(starts, runs)}, true, false},
		"it is restarted":  {swarm.NodeStateReady, []swarm.Task{task(ended, shutdown), task(swarm.TaskStateAssigned, swarm.TaskStateReady)}, true, false},
		"it is refused":    {swarm.NodeStateReady, []swarm.Task{task(refused, shutdown), task(starts, runs)}, false, false},
		"it is taken away": {swarm.NodeStateReady, []swarm.Task{task(runs, shutdown)}, false, true},
	} {
		v := swarmSeen{tasks: c.tasks, nodes: map[string]swarm.Node{"a": {ID: "a", Status: swarm.NodeStatus{State: c.node}}}}
		if got := v.hasGateway("a"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := v.giveWay(); got != c.yield {
			t.Errorf("%s: it gives way: %v", name, got)
		}
	}
}
