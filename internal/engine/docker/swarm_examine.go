package docker

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
	"maillab/internal/rollcall"
)

// Examine says what this swarm is, and what is in the way. It implements engine.Examiner.
func (s *Swarm) Examine(ctx context.Context) []engine.Finding {
	v, err := s.manager.see(ctx, "")
	if err == nil { // others' tasks take room, too
		v.tasks, err = s.docker.api.TaskList(ctx, swarm.TaskListOptions{})
	}
	if err != nil {
		return []engine.Finding{{Level: engine.Bad, What: "swarm", Detail: err.Error()}}
	}
	found := append([]engine.Finding{v.versions(), v.managers()}, v.rooms()...)
	found = append(found, s.called(ctx, v)...)
	return append(found, engine.Finding{Level: engine.Good, What: "swarm", Detail: "what a service cannot be given: no network (the supervisor takes interfaces down), a filter of system calls of ours " +
		"(the engines' own is in force), no swap (switch it off on nodes), a score for the OOM killer (students' programs are made the first to go)"})
}

// versions are the engines'.
func (v swarmSeen) versions() engine.Finding {
	by := map[string][]string{}
	for _, id := range byName(v.nodes, v.nodes) {
		n := v.nodes[id]
		by[n.Description.Engine.EngineVersion] = append(by[n.Description.Engine.EngineVersion], nameOfNode(n, id))
	}
	if len(by) == 1 {
		return engine.Finding{Level: engine.Good, What: "swarm", Detail: fmt.Sprintf("%d nodes with engine %s", len(v.nodes), sortedKeys(by)[0])}
	}
	var each []string
	for _, version := range sortedKeys(by) {
		each = append(each, version+" on "+strings.Join(by[version], ", "))
	}
	return engine.Finding{Level: engine.Warning, What: "swarm", Detail: fmt.Sprintf("engines of different versions: %s", strings.Join(each, "; ")), Mend: "install the same on all nodes"}
}

// managers says how many may die.
func (v swarmSeen) managers() engine.Finding {
	all, answering := 0, 0
	for _, n := range v.nodes {
		if n.ManagerStatus != nil {
			all++
			if n.ManagerStatus.Reachability == swarm.ReachabilityReachable {
				answering++
			}
		}
	}
	may := answering - all/2 - 1
	f := engine.Finding{Level: engine.Good, What: "managers", Detail: fmt.Sprintf("%d of %d answer; of them %d may die and the swarm can still be commanded", answering, all, may)}
	if may < 1 && len(v.nodes) > 2 {
		f.Level, f.Mend = engine.Warning, "docker node promote NODE, until there are three"
	}
	return f
}

// rooms says for each node what fits on it.
func (v swarmSeen) rooms() (found []engine.Finding) {
	seat := v.seat()
	for _, id := range byName(v.nodes, v.nodes) {
		n := v.nodes[id]
		room := max(0, v.room(n))
		f := engine.Finding{Level: engine.Good, What: "node " + nameOfNode(n, id), Detail: fmt.Sprintf("%d MiB of %d are not reserved: room for %d more seats of %d MiB",
			room>>20, n.Description.Resources.MemoryBytes>>20, room/seat, seat>>20)}
		if why := unsuited(n); why != "" {
			f.Level, f.Detail, f.Mend = engine.Warning, why, suit(n, id)
		} else if room < seat {
			f.Level = engine.Warning
		}
		found = append(found, f)
	}
	return found
}

// usualSeat is a student's memory where a lab says nothing, in bytes.
const usualSeat = 96 << 20

// seat is what the largest that is up reserves, in bytes.
func (v swarmSeen) seat() (bytes int64) {
	for _, found := range v.services {
		r := found.Spec.TaskTemplate.Resources
		if found.Spec.Labels[engine.LabelKind] == string(engine.Sandbox) && r != nil && r.Reservations != nil {
			bytes = max(bytes, r.Reservations.MemoryBytes)
		}
	}
	return cmp.Or(bytes, usualSeat)
}

// suit is what has a node take seats again.
func suit(n swarm.Node, id string) string {
	name := nameOfNode(n, id)
	switch {
	case !answers(n):
		return "start its engine, or, where it is gone for good: docker node rm " + name
	case n.Spec.Availability != swarm.NodeAvailabilityActive:
		return "docker node update --availability active " + name
	}
	return "docker node update --label-rm maillab " + name
}

// called is what a roll call finds.
func (s *Swarm) called(ctx context.Context, v swarmSeen) []engine.Finding {
	f := engine.Finding{Level: engine.Warning, What: "nodes", Detail: "what they lack can be looked for when the sandbox image is here", Mend: "maillab image push --registry HOST/PREFIX, or maillab image save"}
	if s.docker.build.Tag == nil {
		return []engine.Finding{f}
	}
	image, err := s.manager.image(ctx, s.docker.build.Tag())
	if errdefs.IsNotFound(err) {
		return []engine.Finding{f}
	}
	var answers rollcalled
	if err == nil {
		answers, err = s.rollcall(ctx, image, v.nodes)
	}
	if err != nil {
		return []engine.Finding{{Level: engine.Warning, What: "nodes", Detail: err.Error()}}
	}
	return []engine.Finding{answers.images(), answers.reach(), answers.clocks(), answers.swaps(), answers.filters()}
}

// rollcalled is what nodes said, or why they did not, by ID.
type rollcalled struct {
	nodes   map[string]swarm.Node
	said    map[string]rollcall.Report
	refused map[string]string
}

func (a rollcalled) name(id string) string { return nameOfNode(a.nodes[id], id) }

// images says on which nodes the image is missing, and what to type.
func (a rollcalled) images() engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "nodes", Detail: fmt.Sprintf("the sandbox image is on %d nodes", len(a.said))}
	var missing, other, mend []string
	for _, id := range byName(a.nodes, a.refused) {
		if !strings.Contains(a.refused[id], "No such image") {
			other = append(other, a.name(id)+": "+a.refused[id])
			continue
		}
		missing = append(missing, a.name(id))
		mend = append(mend, "maillab image save | ssh "+a.name(id)+" docker load")
	}
	if len(a.refused) > 0 {
		f.Level, f.Mend = engine.Warning, strings.Join(mend, "; ")
	}
	if len(missing) > 0 {
		f.Detail = fmt.Sprintf("the sandbox image is not on %s: no seats there", strings.Join(missing, ", "))
	}
	if len(other) > 0 {
		f.Detail += "; " + strings.Join(other, "; ")
	}
	return f
}

// trialPort is where nodes are tried: base + 81 of the first class.
const trialPort = 10081

// reach says which nodes do not reach which. One that did not come to the roll call does not listen.
func (a rollcalled) reach() engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "ports", Detail: fmt.Sprintf("nodes reach one another (base + 81, tried at %d; Swarm's %d and %d)", trialPort, rollcall.ManagerPort, rollcall.GossipPort)}
	var cut []string
	for _, from := range byName(a.nodes, a.said) {
		for _, c := range a.said[from].Calls {
			if _, came := a.said[c.To]; c.Failed == "" || c.Port == trialPort && !came {
				continue
			}
			cut = append(cut, fmt.Sprintf("%s does not reach %s at %d (%s)", a.name(from), a.name(c.To), c.Port, c.Failed))
		}
	}
	if len(cut) > 0 {
		f.Level, f.Detail, f.Mend = engine.Bad, strings.Join(cut, "; "), "have the nodes' firewalls let base + 81, 2377 and 7946 through between them"
	}
	return f
}

// clocksApart is by how much clocks may differ: people compare times, and certificates hold for far more.
const clocksApart = 30 * time.Second

// clocks says how far apart they are at least.
func (a rollcalled) clocks() engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "clocks"}
	compared, apart, pair := 0, time.Duration(0), ""
	for _, from := range byName(a.nodes, a.said) {
		for _, c := range a.said[from].Calls {
			if c.Within == 0 {
				continue
			}
			compared++
			if by := c.Ahead.Abs() - c.Within; by > apart {
				apart, pair = by, fmt.Sprintf("those of %s and %s", a.name(from), a.name(c.To))
			}
		}
	}
	switch {
	case compared == 0:
		f.Detail = "there are no two nodes whose clocks could be compared"
	case apart < clocksApart:
		f.Detail = fmt.Sprintf("no two nodes' differ by more than %s", (apart + time.Second).Truncate(time.Second))
	default:
		f.Level, f.Detail, f.Mend = engine.Bad, fmt.Sprintf("%s differ by %s", pair, apart.Round(time.Second)), "timedatectl set-ntp true on both"
	}
	return f
}

// with are the names of nodes of which something is so.
func (a rollcalled) with(is func(rollcall.Report) bool) string {
	var names []string
	for _, id := range byName(a.nodes, a.said) {
		if is(a.said[id]) {
			names = append(names, a.name(id))
		}
	}
	return strings.Join(names, ", ")
}

func (a rollcalled) swaps() engine.Finding {
	if names := a.with(func(r rollcall.Report) bool { return r.Swap > 0 }); names != "" {
		return engine.Finding{Level: engine.Warning, What: "swap", Detail: fmt.Sprintf("%s: a sandbox can take as much of it as it has memory, and slow its node down", names), Mend: "swapoff -a there, and out of /etc/fstab"}
	}
	return engine.Finding{Level: engine.Good, What: "swap", Detail: "nodes have none"}
}

func (a rollcalled) filters() engine.Finding {
	if names := a.with(func(r rollcall.Report) bool { return !r.Filtered }); names != "" {
		return engine.Finding{Level: engine.Warning, What: "seccomp", Detail: fmt.Sprintf("%s: the engine filters no system calls", names)}
	}
	return engine.Finding{Level: engine.Good, What: "seccomp", Detail: "nodes' engines filter system calls in their own way"}
}
