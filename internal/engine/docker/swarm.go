package docker

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/swarm"
	"golang.org/x/sync/semaphore"

	"maillab/internal/engine"
)

// Swarm is the engine on Docker's swarm mode, through a manager's daemon. What it keeps for an instance, by labels alone:
//
//	socket     maillab-INSTANCE-socket         a config; its contents are the controller's certificate. The volumes are on the nodes
//	secrets    maillab-INSTANCE-mesh.*         the gateways' certificate, its key and authority
//	gateway    maillab-INSTANCE-gateway        a global service on the hosts' networks, with that node's socket volume
//	facts      maillab-INSTANCE-facts-N        a config
//	volumes    maillab-INSTANCE-SEAT-PART      a config that stands for it, and says on which node it is; the volume there
//	sandbox    maillab-INSTANCE-SEAT           a service with one replica
//
// Labels of services and configs change without a task being ended; containers and volumes on nodes have none of ours, or
// the engine of that one machine would take them for its own. Swarm places a seat once; then it is pinned to its node, where
// its volumes are (docs/decisions/0100). Images are named by their IDs, or in a registry by digest: a node that has it pulls
// nothing.
type Swarm struct {
	docker   *Engine
	manager  *manager
	records  records
	keys     meshKeys
	gateways gateways
	seats    seats
	sweeps   *sweeps
}

var (
	_ engine.Engine    = (*Swarm)(nil)
	_ engine.Execer    = (*Swarm)(nil)
	_ engine.Spreader  = (*Swarm)(nil)
	_ engine.Explainer = (*Swarm)(nil)
	_ engine.Mover     = (*Swarm)(nil)
	_ engine.LastWords = (*Swarm)(nil)
	_ engine.Restarter = (*Swarm)(nil)
	_ engine.Renewer   = (*Swarm)(nil)
	_ engine.Shipper   = (*Swarm)(nil)
)

// What is done side by side: a step mostly waits for a node, and volumes that are removed at the same time are removed together.
const (
	swarmParallel = 256
	startsPerNode = 8 // as many as one engine starts at a time
)

// ErrNoSwarm is a daemon that answers and manages no swarm: nothing can run on it in that way.
var ErrNoSwarm = fmt.Errorf("%w: this machine manages no swarm", engine.ErrUnavailable)

// OpenSwarm is the swarm that a daemon managed when it was opened.
func OpenSwarm(e *Engine) (*Swarm, error) {
	if e.swarm.LocalNodeState != swarm.LocalNodeStateActive {
		return nil, fmt.Errorf("%w: docker swarm init makes it one", ErrNoSwarm)
	}
	if !e.swarm.ControlAvailable {
		return nil, fmt.Errorf("%w: it is a worker; set DOCKER_HOST to a manager's", ErrNoSwarm)
	}
	return newSwarm(e), nil
}

func newSwarm(e *Engine) *Swarm {
	m := &manager{docker: e, api: e.api}
	s := &Swarm{docker: e, manager: m, records: records{e.api}, sweeps: &sweeps{manager: m}}
	s.keys = meshKeys{api: e.api, records: s.records, now: e.now}
	s.gateways = gateways{manager: m, keys: s.keys}
	starts := int64(startsPerNode * max(1, e.swarm.Nodes))
	s.seats = seats{manager: m, records: s.records, gateways: s.gateways, starting: semaphore.NewWeighted(starts)}
	return s
}

// OpenSwarmHere is OpenSwarm of the engine that docker's own command would talk to.
func OpenSwarmHere(ctx context.Context, build Build) (*Swarm, error) {
	e, err := OpenHere(ctx, build)
	if err != nil {
		return nil, err
	}
	s, err := OpenSwarm(e)
	if err != nil {
		e.Close()
		return nil, err
	}
	return s, nil
}

// Close gives idle connections back.
func (s *Swarm) Close() error { return s.docker.Close() }

// Capabilities are what swarm mode can do; a filter of our own it cannot.
func (s *Swarm) Capabilities() engine.Capabilities {
	can := s.docker.can
	return engine.Capabilities{
		Name: "swarm", System: true, Isolated: true, LowPorts: can.LowPorts, Missing: can.Missing, Mend: can.Mend,
		Nodes: true, Parallel: swarmParallel,
	}
}

// RemoteHost is the manager's address: students connect from elsewhere, to any node.
func (s *Swarm) RemoteHost() string { return s.docker.swarm.NodeAddr }

// Cluster is the swarm's ID: an instance is on it, whichever manager is asked.
func (s *Swarm) Cluster() string { return s.docker.swarm.Cluster.ID }

// SaveImage implements engine.Shipper.
func (s *Swarm) SaveImage(ctx context.Context, tag string, w io.Writer) error {
	return s.docker.SaveImage(ctx, tag, w)
}

// LoadImage implements engine.Shipper, for the manager's own node.
func (s *Swarm) LoadImage(ctx context.Context, tag string, archive io.Reader, progress engine.Progress) error {
	return s.docker.LoadImage(ctx, tag, archive, progress)
}

// PushImage implements engine.Shipper.
func (s *Swarm) PushImage(ctx context.Context, tag, registry string, progress engine.Progress) (string, error) {
	return s.docker.PushImage(ctx, tag, registry, progress)
}

// Nodes are those on which the instance's gateway runs, or did when the node was heard last. It waits for gateways that give way to another,
// and implements engine.Spreader.
func (s *Swarm) Nodes(ctx context.Context, instance string) ([]engine.Node, error) {
	nodes, err := s.manager.settledNodes(ctx, instance)
	with := make([]engine.Node, len(nodes))
	for i, n := range nodes {
		with[i] = engine.Node{ID: n.ID, Name: n.Description.Hostname, Address: addressOf(n), Away: !answers(n)}
	}
	return with, explain(err, "nodes of %s", instance)
}

// Put creates what is missing, starts what is stopped, and pins to its node what was not pinned yet.
func (s *Swarm) Put(ctx context.Context, r engine.Resource, progress engine.Progress) error {
	if progress == nil {
		progress = func(string) {}
	}
	var err error
	switch r.Kind {
	case engine.Image:
		err = s.docker.putImage(ctx, *r.Image, progress)
	case engine.Socket:
		err = s.keys.issue(ctx, r)
	case engine.Facts, engine.Volume:
		err = s.records.put(ctx, r, []byte("-")) // it may not be empty
	case engine.Gateway:
		err = s.gateways.put(ctx, r, progress)
	case engine.Sandbox:
		err = s.seats.put(ctx, r)
	default: // a page, too: a service cannot be without the network that Swarm gives it
		return fmt.Errorf("put %s: no such kind", r.ID())
	}
	return explain(err, "put %s", r.ID())
}

// Remove returns when nothing of it runs any more on a node that answers; of volumes, when they are gone there.
func (s *Swarm) Remove(ctx context.Context, r engine.Resource) error {
	var err error
	switch r.Kind {
	case engine.Image:
		err = s.docker.removeImage(ctx, r.Image.Tag)
	case engine.Socket:
		err = s.removeSocket(ctx, r)
	case engine.Volume:
		err = s.removeVolume(ctx, r)
	case engine.Facts:
		err = s.records.remove(ctx, r)
	case engine.Gateway, engine.Sandbox:
		err = s.manager.removeService(ctx, r)
	default:
		return fmt.Errorf("remove %s: no such kind", r.ID())
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	return explain(err, "remove %s", r.ID())
}

// removeSocket takes away, from the nodes and then here, all that is left of an instance.
func (s *Swarm) removeSocket(ctx context.Context, r engine.Resource) error {
	record, err := s.records.own(ctx, r)
	if err != nil {
		return err
	}
	if err := s.sweeps.soon(ctx, r.Instance, nil); err != nil {
		return err
	}
	if err := s.keys.remove(ctx, r.Instance, ""); err != nil {
		return err
	}
	return s.docker.api.ConfigRemove(ctx, record.ID)
}

// removeVolume removes it on its node, then the record of it. A volume of a seat that was never placed is nowhere.
func (s *Swarm) removeVolume(ctx context.Context, r engine.Resource) error {
	record, err := s.records.own(ctx, r)
	if err != nil {
		return err
	}
	if err := s.sweeps.soon(ctx, r.Instance, volumeNames(r, placingOf(record.Spec.Labels).incarnation)); err != nil {
		return err
	}
	return s.docker.api.ConfigRemove(ctx, record.ID)
}
