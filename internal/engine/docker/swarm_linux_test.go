package docker

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
	"maillab/internal/machines"
)

// Three machines with a swarm, which all tests of a run use.
var swarmed struct {
	once  sync.Once
	all   *machines.Machines
	swarm *Swarm
	err   error
}

// openSwarm gives the engine of a swarm of three machines, with the tiny image on each.
func openSwarm(t testing.TB) *Swarm {
	t.Helper()
	if err := machines.Needed(); err != nil {
		enginetest.Absent(t, err)
	}
	here := open(t)
	swarmed.once.Do(func() { swarmed.err = makeSwarm(t, here) })
	if swarmed.err != nil {
		t.Fatal(swarmed.err)
	}
	return swarmed.swarm
}

func makeSwarm(t testing.TB, here *Engine) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	info, err := here.api.Info(ctx)
	if err != nil {
		return err
	}
	if swarmed.all, err = machines.New(ctx, 3, info.Driver); err != nil {
		return err
	}
	if err := swarmed.all.Swarm(ctx, 1); err != nil {
		return err
	}
	manager, err := Open(ctx, Config{Endpoint: Endpoint{Host: swarmed.all.All[0].Host()}})
	if err != nil {
		return err
	}
	if err := importTiny(manager, tinyRoot(t)); err != nil {
		return err
	}
	if err := swarmed.all.Copy(ctx, tinyImage); err != nil {
		return err
	}
	swarmed.swarm, err = OpenSwarm(manager)
	return err
}

// closeSwarm is called by TestMain.
func closeSwarm() error {
	if swarmed.all == nil {
		return nil
	}
	return swarmed.all.Close()
}

func swarmName(short string) string { return fmt.Sprintf("t-swarm-%d-%s", os.Getpid(), short) }

func TestSwarmContract(t *testing.T) {
	s := openSwarm(t)
	enginetest.Suite(t, func(t *testing.T) enginetest.Subject {
		return enginetest.Subject{
			Engine: s, Name: swarmName,
			Class: func(_ *testing.T, instance string, seats int) []engine.Resource { return tinyClass(instance, seats) },
			Stop:  func(t *testing.T, r engine.Resource) { stopService(t, s, r) },
		}
	})
}

// stopService ends a service's tasks as somebody could who does not know whose they are: Swarm itself begins anew what ends.
func stopService(t *testing.T, s *Swarm, r engine.Resource) {
	t.Helper()
	err := s.manager.change(t.Context(), r, func(spec *swarm.ServiceSpec) bool {
		if spec.Mode.Replicated != nil {
			spec.Mode = replicas(0)
		} else {
			spec.TaskTemplate.Placement.Constraints = []string{"node.id==nowhere"}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	for {
		v, err := s.manager.see(t.Context(), r.Instance)
		if err != nil {
			t.Fatal(err)
		}
		tasks := 0
		for _, task := range v.tasksOf(r.Kind) {
			if !ended(task) {
				tasks++
			}
		}
		if tasks == 0 {
			return
		}
	}
}

// TestASeatIsPlacedOnce: seats are spread over the nodes by Swarm, and pinned there without anything being ended; made anew, one
// is where it was.
func TestASeatIsPlacedOnce(t *testing.T) {
	s := openSwarm(t)
	name := swarmName("placed")
	t.Cleanup(func() { enginetest.RemoveAll(t, s, name) })
	class := tinyClass(name, 6)
	for _, r := range class {
		if err := s.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	was, tasks := placesOf(t, s, name)
	nodes := map[string]int{}
	for _, node := range was {
		nodes[node]++
	}
	if len(was) != 6 || len(nodes) != 3 {
		t.Errorf("%d seats on %v", len(was), nodes)
	}
	if tasks != 6 {
		t.Errorf("%d tasks were begun for 6 seats", tasks)
	}
	r := pick(t, class, engine.Sandbox)
	if err := s.Remove(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if is, _ := placesOf(t, s, name); is[r.Seat] != was[r.Seat] {
		t.Errorf("seat %d was on %s and is on %s", r.Seat, was[r.Seat], is[r.Seat])
	}
}

// TestASeatWhoseMachineIsGone is placed on another one, as a higher incarnation with new volumes; when the machine comes back,
// nothing of what it had is left there, nor begun again.
func TestASeatWhoseMachineIsGone(t *testing.T) {
	s := openSwarm(t)
	name := swarmName("gone")
	t.Cleanup(func() { enginetest.RemoveAll(t, s, name) })
	class := tinyClass(name, 3)
	for _, r := range class {
		if err := s.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	was, _ := placesOf(t, s, name)
	machine := swarmed.all.All[2]
	machine.Kill()
	started := false
	restart := func() {
		if started {
			return
		}
		started = true
		if err := machine.Start(); err != nil {
			t.Fatal(err)
		}
		if err := machine.Await(context.Background()); err != nil {
			t.Fatal(err)
		}
		awaitNodes(t, s)
	}
	t.Cleanup(restart)
	var away map[int]engine.Node
	for len(away) == 0 {
		var err error
		if away, err = s.Away(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		pauseOr(t)
	}
	for _, r := range class {
		node, is := away[r.Seat]
		if r.Kind != engine.Sandbox || !is {
			continue
		}
		if node.ID != was[r.Seat] || node.Name != machine.Name {
			t.Errorf("seat %d is said to be on %+v, and was on %s", r.Seat, node, was[r.Seat])
		}
		if err := s.Displace(t.Context(), name, r.Seat, "copy"); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	is, _ := placesOf(t, s, name)
	for seat, node := range was {
		if _, moved := away[seat]; moved == (is[seat] == node) || is[seat] == "" {
			t.Errorf("seat %d was on %s and is on %q; its machine was gone: %v", seat, node, is[seat], moved)
		}
	}
	for seat := range away {
		sawDisplaced(t, s, name, seat, "copy", "2")
		if err := s.Settle(t.Context(), name, seat); err != nil {
			t.Fatal(err)
		}
		sawDisplaced(t, s, name, seat, "", "2")
	}
	restart()
	if err := s.Tidy(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	left, err := machine.Left(t.Context(), "maillab-"+name)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range left {
		for seat := range away {
			if strings.Contains(what, fmt.Sprintf("maillab-%s-%d", name, seat)) {
				t.Errorf("%s is left on the machine that came back", what)
			}
		}
	}
	if again, err := s.Away(t.Context(), name); err != nil || len(again) != 0 {
		t.Errorf("away: %v, %v", again, err)
	}
}

// sawDisplaced looks at what a seat's records say of how it was placed.
func sawDisplaced(t *testing.T, s *Swarm, name string, seat int, restore, incarnation string) {
	t.Helper()
	all, err := s.Observe(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Seat != seat || r.Kind != engine.Volume && r.Kind != engine.Sandbox {
			continue
		}
		if got := r.Labels[engine.LabelRestore]; r.Kind == engine.Volume && got != restore {
			t.Errorf("%s: copy %q, want %q", r.ID(), got, restore)
		}
		if got := r.Labels[engine.LabelIncarnation]; got != incarnation {
			t.Errorf("%s: incarnation %q, want %q", r.ID(), got, incarnation)
		}
	}
}

// awaitNodes returns when every node of the swarm answers.
func awaitNodes(t *testing.T, s *Swarm) {
	t.Helper()
	for {
		nodes, err := s.manager.allNodes(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		all := true
		for _, n := range nodes {
			all = all && answers(n)
		}
		if all {
			return
		}
		pauseOr(t)
	}
}

// pauseOr lies between two looks.
func pauseOr(t *testing.T) {
	t.Helper()
	time.Sleep(look)
}

// placesOf are the seats' nodes as labels tell them, and how many tasks there were for them.
func placesOf(t *testing.T, s *Swarm, name string) (places map[int]string, tasks int) {
	t.Helper()
	v, err := s.manager.see(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	places = map[int]string{}
	for _, found := range v.services {
		if r := fromLabels(found.Spec.Labels); r.Kind == engine.Sandbox {
			places[r.Seat] = r.Labels[engine.LabelNode]
		}
	}
	return places, len(v.tasksOf(engine.Sandbox))
}

// TestNothingIsLeftOnAnyNode: no container, no volume.
func TestNothingIsLeftOnAnyNode(t *testing.T) {
	s := openSwarm(t)
	name := swarmName("left")
	for _, r := range tinyClass(name, 3) {
		if err := s.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	volumes := 0
	for _, m := range swarmed.all.All {
		there, err := m.Left(t.Context(), "maillab-"+name)
		if err != nil {
			t.Fatal(err)
		}
		volumes += len(there)
	}
	if want := 3 + 2*3 + 3 + 4*3; volumes != want { // gateways with two volumes each, sandboxes with four
		t.Errorf("%d containers and volumes, not %d", volumes, want)
	}
	enginetest.RemoveAll(t, s, name)
	for _, m := range swarmed.all.All { // a node takes a job's container away after the job
		if err := m.AwaitNothing(t.Context(), time.Minute, "maillab-"+name); err != nil {
			t.Error(err)
		}
	}
	services, err := s.docker.api.ServiceList(t.Context(), swarm.ServiceListOptions{})
	if err != nil || len(services) > 0 {
		t.Errorf("services are left: %v, %v", services, err)
	}
}
