package docker

import (
	"cmp"
	"maps"
	"net"
	"slices"

	"github.com/docker/docker/api/types/swarm"
)

// withGateway are the nodes that have one, in the order of managersFirst.
func (v swarmSeen) withGateway() (with []swarm.Node) {
	for _, n := range managersFirst(v.nodes) {
		if v.hasGateway(n.ID) {
			with = append(with, n)
		}
	}
	return with
}

// giveWay tells whether a gateway is on its way out on a node that answers, or its successor about to begin: on a node that was away
// Swarm ends what goes on there, and begins anew.
func (v swarmSeen) giveWay() bool {
	for id, n := range v.nodes {
		if answers(n) && (leaves(v.tasks, id) || begins(v.tasks, id) && !runsOn(v.tasks, id, v.nodes) && !failedBefore(v.tasks, id)) {
			return true
		}
	}
	return false
}

// leaves tells whether one of the tasks goes on at a node and is to end.
func leaves(tasks []swarm.Task, node string) bool {
	return slices.ContainsFunc(tasks, func(t swarm.Task) bool {
		return t.NodeID == node && t.Status.State == swarm.TaskStateRunning && t.DesiredState != swarm.TaskStateRunning
	})
}

// hasGateway tells of the gateway's tasks whether a node has one, had when it was heard last, or is about to: one that comes back while
// somebody looks stays among those that hear one another. A node that refused one has none.
func (v swarmSeen) hasGateway(node string) bool {
	return runsOn(v.tasks, node, v.nodes) || !answers(v.nodes[node]) && ranOn(v.tasks, node) || begins(v.tasks, node)
}

func begins(tasks []swarm.Task, node string) (soon bool) {
	for _, t := range tasks {
		switch {
		case t.NodeID != node:
		case t.Status.State == swarm.TaskStateRejected:
			return false
		case !ended(t) && (t.DesiredState == swarm.TaskStateRunning || t.DesiredState == swarm.TaskStateReady):
			soon = true
		}
	}
	return soon
}

// runsOn tells whether one of the tasks runs on a node that answers.
func runsOn(tasks []swarm.Task, node string, nodes map[string]swarm.Node) bool {
	for _, t := range tasks {
		if t.NodeID == node && runs(t, nodes) {
			return true
		}
	}
	return false
}

// ranOn tells whether one of the tasks ran on a node when that was heard last.
func ranOn(tasks []swarm.Task, node string) bool {
	return slices.ContainsFunc(tasks, func(t swarm.Task) bool { return t.NodeID == node && t.Status.State == swarm.TaskStateRunning })
}

// runs tells whether a task does. Of a node that is gone the last that was heard counts for nothing.
func runs(t swarm.Task, nodes map[string]swarm.Node) bool {
	return t.Status.State == swarm.TaskStateRunning && t.DesiredState == swarm.TaskStateRunning && answers(nodes[t.NodeID])
}

func answers(n swarm.Node) bool { return n.Status.State == swarm.NodeStateReady }

// addressOf is where the other nodes reach one. A manager does not always know its own address.
func addressOf(n swarm.Node) string {
	if ip := net.ParseIP(n.Status.Addr); ip != nil && !ip.IsUnspecified() && !ip.IsLoopback() || n.ManagerStatus == nil {
		return n.Status.Addr
	}
	host, _, err := net.SplitHostPort(n.ManagerStatus.Addr)
	if err != nil {
		return n.Status.Addr
	}
	return host
}

// ended tells whether nothing of a task runs any more.
func ended(t swarm.Task) bool {
	switch t.Status.State {
	case swarm.TaskStateComplete, swarm.TaskStateShutdown, swarm.TaskStateFailed, swarm.TaskStateRejected, swarm.TaskStateRemove, swarm.TaskStateOrphaned:
		return true
	}
	return false
}

// failedBefore tells whether a task has failed on a node, whatever is tried there now.
func failedBefore(tasks []swarm.Task, node string) bool {
	return slices.ContainsFunc(tasks, func(t swarm.Task) bool {
		return t.NodeID == node && (t.Status.State == swarm.TaskStateRejected || t.Status.State == swarm.TaskStateFailed)
	})
}

// unsuited is why a node is given no seats, "" where it may have some.
func unsuited(n swarm.Node) string {
	switch {
	case !answers(n):
		return "does not answer (" + string(n.Status.State) + ")"
	case n.Spec.Availability != swarm.NodeAvailabilityActive:
		return "takes no seats (" + string(n.Spec.Availability) + ")"
	case n.Spec.Labels["maillab"] == "no":
		return "is not for seats (its label maillab says no)"
	}
	return ""
}

func nameOfNode(n swarm.Node, id string) string { return cmp.Or(n.Description.Hostname, id) }

// byName are the IDs of nodes of which there is something, in the order of their names: an ID is drawn when a node joins.
func byName[V any](nodes map[string]swarm.Node, of map[string]V) []string {
	return slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(nameOfNode(nodes[a], a), nameOfNode(nodes[b], b)), cmp.Compare(a, b))
	})
}

// managersFirst are nodes in an order that stays. Of two, the first goes on where the other dies (docs/decisions/0105): one that can
// place seats anew.
func managersFirst(nodes map[string]swarm.Node) []swarm.Node {
	manages := func(n swarm.Node) int {
		if n.Spec.Role == swarm.NodeRoleManager {
			return 0
		}
		return 1
	}
	return slices.SortedFunc(maps.Values(nodes), func(a, b swarm.Node) int {
		return cmp.Or(manages(a)-manages(b), cmp.Compare(a.ID, b.ID))
	})
}
