package docker

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
)

// TestExaminedSwarm: on three real machines all is well; where one has a firewall and another has not got the image, that is said, with
// what to type, and nothing is left of the look.
func TestExaminedSwarm(t *testing.T) {
	s := openSwarm(t)
	was := s.docker.build.Tag
	t.Cleanup(func() { s.docker.build.Tag = was })
	s.docker.build.Tag = func() string { return tinyImage }
	examined := func() map[string]engine.Finding {
		found := map[string]engine.Finding{}
		for _, f := range s.Examine(t.Context()) {
			if found[f.What].Level != engine.Bad {
				found[f.What] = f
			}
		}
		return found
	}
	well := examined()
	for _, what := range []string{"swarm", "node node1", "node node2", "node node3", "nodes", "ports", "clocks", "seccomp"} {
		if f, there := well[what]; !there || f.Level != engine.Good {
			t.Errorf("%s: %+v", what, f)
		}
	}
	walled := swarmed.all.All[1]
	wall := []string{"-p", "tcp", "--dport", fmt.Sprint(trialPort), "-j", "DROP"}
	if out, err := walled.Command("iptables", append([]string{"-w", "-I", "INPUT"}, wall...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = walled.Command("iptables", append([]string{"-w", "-D", "INPUT"}, wall...)...).Run() })
	f := examined()["ports"]
	if f.Level != engine.Bad || !strings.Contains(f.Detail, "node1 does not reach node2 at 10081") || strings.Contains(f.Detail, "node2 does not reach") {
		t.Errorf("%+v", f)
	}
	tag := fmt.Sprintf("maillab/t-missing-%d:1", os.Getpid())
	if err := importAs(s.docker, tag, tinyRoot(t)); err != nil {
		t.Fatal(err)
	}
	s.docker.build.Tag = func() string { return tag }
	f = examined()["nodes"]
	if f.Level != engine.Warning || f.Detail != "the sandbox image is not on node2, node3: no seats there" ||
		f.Mend != "maillab image save | ssh node2 docker load; maillab image save | ssh node3 docker load" {
		t.Errorf("%+v", f)
	}
	services, err := s.docker.api.ServiceList(t.Context(), swarm.ServiceListOptions{})
	if err != nil || len(services) > 0 {
		t.Errorf("services are left: %v, %v", services, err)
	}
}
