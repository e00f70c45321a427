package docker

import (
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
	"maillab/internal/rollcall"
)

func aNode(id, version string, mebibytes int64) swarm.Node {
	n := swarm.Node{ID: id, Status: swarm.NodeStatus{State: swarm.NodeStateReady}, Spec: swarm.NodeSpec{Availability: swarm.NodeAvailabilityActive}}
	n.Description.Hostname, n.Description.Engine.EngineVersion = "pc-"+id, version
	n.Description.Resources.MemoryBytes = mebibytes << 20
	return n
}

// TestRooms: what others have reserved is not there, a seat is as large as the largest that is up, and a node that takes none says
// what to type.
func TestRooms(t *testing.T) {
	drained := aNode("b", "20.10.24", 1000)
	drained.Spec.Availability = swarm.NodeAvailabilityDrain
	needs := func(mebibytes int64) *swarm.ResourceRequirements {
		return &swarm.ResourceRequirements{Reservations: &swarm.Resources{MemoryBytes: mebibytes << 20}}
	}
	v := swarmSeen{nodes: map[string]swarm.Node{"a": aNode("a", "20.10.24", 1000), "b": drained, "c": aNode("c", "24.0.7", 100)},
		tasks: []swarm.Task{{NodeID: "a", Spec: swarm.TaskSpec{Resources: needs(150)}}, {NodeID: "a", Spec: swarm.TaskSpec{Resources: needs(500)}, Status: swarm.TaskStatus{State: swarm.TaskStateShutdown}}}}
	v.services = make([]swarm.Service, 1)
	v.services[0].Spec.Labels = map[string]string{engine.LabelKind: string(engine.Sandbox)}
	v.services[0].Spec.TaskTemplate.Resources = needs(200)
	want := []engine.Finding{
		{Level: engine.Good, What: "node pc-a", Detail: "850 MiB of 1000 are not reserved: room for 4 more seats of 200 MiB"},
		{Level: engine.Warning, What: "node pc-b", Detail: "takes no seats (drain)", Mend: "docker node update --availability active pc-b"},
		{Level: engine.Warning, What: "node pc-c", Detail: "100 MiB of 100 are not reserved: room for 0 more seats of 200 MiB"},
	}
	for i, f := range v.rooms() {
		if f != want[i] {
			t.Errorf("%+v, want %+v", f, want[i])
		}
	}
	if f := v.versions(); f.Level != engine.Warning || !strings.Contains(f.Detail, "20.10.24 on pc-a, pc-b; 24.0.7 on pc-c") {
		t.Errorf("%+v", f)
	}
}

// TestManagers: of three one may die, of two none.
func TestManagers(t *testing.T) {
	v := swarmSeen{nodes: map[string]swarm.Node{}}
	for i, want := range []struct {
		level  engine.Level
		detail string
	}{{engine.Good, "1 of 1 answer; of them 0"}, {engine.Good, "2 of 2 answer; of them 0"}, {engine.Good, "3 of 3 answer; of them 1"}} {
		n := aNode(string(rune('a'+i)), "20.10.24", 1000)
		n.ManagerStatus = &swarm.ManagerStatus{Reachability: swarm.ReachabilityReachable}
		v.nodes[n.ID] = n
		if f := v.managers(); f.Level != want.level || !strings.HasPrefix(f.Detail, want.detail) {
			t.Errorf("%+v", f)
		}
	}
	v.nodes["c"].ManagerStatus.Reachability = swarm.ReachabilityUnreachable
	if f := v.managers(); f.Level != engine.Warning || !strings.HasPrefix(f.Detail, "2 of 3 answer; of them 0") {
		t.Errorf("%+v", f)
	}
}

// TestRollcalled: what nodes say of each other, as findings.
func TestRollcalled(t *testing.T) {
	nodes := map[string]swarm.Node{"a": aNode("a", "1", 1), "b": aNode("b", "1", 1), "c": aNode("c", "1", 1)}
	good := rollcalled{nodes: nodes, refused: map[string]string{}, said: map[string]rollcall.Report{
		"a": {Node: "a", Filtered: true, Calls: []rollcall.Call{{To: "b", Port: trialPort, Ahead: time.Minute, Within: time.Minute}}},
		"b": {Node: "b", Filtered: true, Calls: []rollcall.Call{{To: "a", Port: trialPort, Ahead: -2500 * time.Millisecond, Within: time.Millisecond}}},
	}}
	for _, f := range []engine.Finding{good.images(), good.reach(), good.clocks(), good.swaps(), good.filters()} {
		if f.Level != engine.Good || f.Mend != "" {
			t.Errorf("%+v", f)
		}
	}
	if f := good.clocks(); f.Detail != "no two nodes' differ by more than 3s" {
		t.Errorf("%+v", f)
	}
	bad := rollcalled{nodes: nodes, refused: map[string]string{"c": "No such image: sha256:1"}, said: map[string]rollcall.Report{
		"a": {Node: "a", Swap: 1, Calls: []rollcall.Call{{To: "b", Port: trialPort, Failed: "timed out"}, {To: "c", Port: trialPort, Failed: "refused"}}},
		"b": {Node: "b", Filtered: true, Calls: []rollcall.Call{{To: "a", Port: trialPort, Ahead: -time.Hour, Within: time.Second}, {To: "c", Port: rollcall.GossipPort, Failed: "refused"}}},
	}}
	unnamed := rollcalled{
		nodes:   map[string]swarm.Node{"3": aNode("a", "1", 1), "1": aNode("b", "1", 1), "2": aNode("c", "1", 1)},
		refused: map[string]string{"3": "No such image: sha256:1", "1": "No such image: sha256:1", "2": "No such image: sha256:1"},
	}
	for _, want := range []struct {
		found        engine.Finding
		level        engine.Level
		detail, mend string
	}{
		{bad.images(), engine.Warning, "the sandbox image is not on pc-c: no seats there", "maillab image save | ssh pc-c docker load"},
		{bad.reach(), engine.Bad, "pc-a does not reach pc-b at 10081 (timed out); pc-b does not reach pc-c at 7946 (refused)", "have the nodes' firewalls let base + 81, 2377 and 7946 through between them"},
		{bad.clocks(), engine.Bad, "those of pc-b and pc-a differ by 59m59s", "timedatectl set-ntp true on both"},
		{bad.swaps(), engine.Warning, "pc-a: a sandbox can take as much of it as it has memory, and slow its node down", "swapoff -a there, and out of /etc/fstab"},
		{unnamed.images(), engine.Warning, "the sandbox image is not on pc-a, pc-b, pc-c: no seats there", "maillab image save | ssh pc-a docker load; maillab image save | ssh pc-b docker load; maillab image save | ssh pc-c docker load"},
		{bad.filters(), engine.Warning, "pc-a: the engine filters no system calls", ""},
	} {
		if f := want.found; f.Level != want.level || f.Detail != want.detail || f.Mend != want.mend {
			t.Errorf("%+v", f)
		}
	}
}
