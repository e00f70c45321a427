package docker

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
)

// TestWhy: a seat for which another instance leaves no room is told so.
func TestWhy(t *testing.T) {
	needs := &swarm.ResourceRequirements{Reservations: &swarm.Resources{MemoryBytes: 256 << 20}}
	labels := func(instance string, kind engine.Kind) map[string]string {
		return map[string]string{engine.LabelInstance: instance, engine.LabelKind: string(kind), engine.LabelSeat: "3"}
	}
	mine, other := swarm.Service{ID: "mine"}, swarm.Service{ID: "other"}
	mine.Spec.Labels, other.Spec.Labels = labels("monday", engine.Sandbox), labels("tuesday", engine.Sandbox)
	mine.Spec.TaskTemplate.Resources = needs
	task := swarm.Task{ID: "t", ServiceID: other.ID, NodeID: "n", DesiredState: swarm.TaskStateRunning, Status: swarm.TaskStatus{State: swarm.TaskStateRunning},
		Spec: swarm.TaskSpec{Resources: needs}}
	task.Labels = other.Spec.Labels
	node := swarm.Node{ID: "n", Status: swarm.NodeStatus{State: swarm.NodeStateReady}, Spec: swarm.NodeSpec{Availability: swarm.NodeAvailabilityActive}}
	node.Description.Hostname, node.Description.Resources.MemoryBytes = "pc-12", 300<<20
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wanted, err := filters.FromJSON(r.FormValue("filters"))
		if err != nil {
			t.Error(err)
		}
		lists := map[string]any{"nodes": []swarm.Node{node}}
		if wanted.MatchKVList("label", mine.Spec.Labels) {
			lists["services"] = []swarm.Service{mine}
		}
		if wanted.MatchKVList("label", task.Labels) {
			lists["tasks"] = []swarm.Task{task}
		}
		list, there := lists[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
		if !there {
			list = []string{}
		}
		_ = json.NewEncoder(w).Encode(list)
	}))
	defer daemon.Close()
	api, err := client.NewClientWithOpts(client.WithHost("tcp://"+daemon.Listener.Addr().String()), client.WithVersion("1.44"))
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	why, err := newSwarm(&Engine{api: api}).Why(t.Context(), "monday")
	if diff := cmp.Diff(map[int]string{3: "pc-12 has 44 MiB left of 300, and 256 are wanted"}, why); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestAnsweringFirst: a node that is gone is tried last, and the others in their order.
func TestAnsweringFirst(t *testing.T) {
	node := func(id string, state swarm.NodeState) swarm.Node {
		return swarm.Node{ID: id, Status: swarm.NodeStatus{State: state}}
	}
	got := ""
	for _, n := range answeringFirst([]swarm.Node{node("a", swarm.NodeStateDown), node("b", swarm.NodeStateReady), node("c", swarm.NodeStateUnknown), node("d", swarm.NodeStateReady)}) {
		got += n.ID
	}
	if got != "bdac" {
		t.Error(got)
	}
}

// TestNoLeader: who has lost the majority of the managers is told what to type.
func TestNoLeader(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"message":"rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online."}`))
	}))
	defer daemon.Close()
	api, err := client.NewClientWithOpts(client.WithHost("tcp://"+strings.TrimPrefix(daemon.URL, "http://")), client.WithVersion("1.41"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.ServiceList(t.Context(), swarm.ServiceListOptions{})
	if err := explain(err, "observe all"); !errors.Is(err, engine.ErrUnavailable) || !strings.Contains(err.Error(), "docker swarm init --force-new-cluster") {
		t.Error(err)
	}
}

// TestFailure: why a node has not got a task is told while the next one is being tried there, too, and not any more when that runs.
func TestFailure(t *testing.T) {
	at := time.Unix(0, 0)
	task := func(node string, state swarm.TaskState, why string) swarm.Task {
		at = at.Add(time.Second)
		return swarm.Task{ServiceID: "mine", NodeID: node, Meta: swarm.Meta{CreatedAt: at}, Status: swarm.TaskStatus{State: state, Err: why}}
	}
	for name, one := range map[string]struct {
		tasks []swarm.Task
		want  string
	}{
		"rejected":            {[]swarm.Task{task("n", swarm.TaskStateRejected, "No such image: a")}, "No such image: a"},
		"being tried again":   {[]swarm.Task{task("n", swarm.TaskStateRejected, "No such image: a"), task("n", swarm.TaskStatePreparing, "")}, "No such image: a"},
		"another reason":      {[]swarm.Task{task("n", swarm.TaskStateRejected, "No such image: a"), task("n", swarm.TaskStateFailed, "exit code 1")}, "exit code 1"},
		"it runs by now":      {[]swarm.Task{task("n", swarm.TaskStateRejected, "No such image: a"), task("n", swarm.TaskStateRunning, "")}, ""},
		"on another node":     {[]swarm.Task{task("m", swarm.TaskStateRejected, "No such image: a")}, ""},
		"tried for the first": {[]swarm.Task{task("n", swarm.TaskStatePreparing, "")}, ""},
	} {
		if got := (swarmSeen{tasks: one.tasks}).failure("n", swarm.Service{ID: "mine"}); got != one.want {
			t.Errorf("%s: %q, want %q", name, got, one.want)
		}
	}
}
