package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
)

func byService(id string) filters.Args { return filters.NewArgs(filters.Arg("service", id)) }

// Dial goes through the gateway of the manager's own node, as on one machine; where there is none, or the manager lets nobody execute in
// it, to any node's by TLS.
func (s *Swarm) Dial(ctx context.Context, instance string) (net.Conn, error) {
	r := engine.Resource{Kind: engine.Gateway, Instance: instance}
	here, err := s.containerHere(ctx, r)
	if err != nil {
		return nil, explain(err, "dial gateway of %s", instance)
	}
	if here != "" {
		attached, _, failed := s.docker.attach(ctx, here, container.ExecOptions{
			User: gatewayAs(), Cmd: []string{gateway, "stream"}, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		})
		if failed == nil {
			return newStream(attached), nil
		}
		if !errdefs.IsNotFound(failed) && !errors.Is(notRunning(failed), engine.ErrNotFound) {
			err = failed
		}
	}
	conn, failed := s.dialNode(ctx, r)
	if failed != nil {
		return nil, explain(errors.Join(err, failed), "dial gateway of %s", instance)
	}
	return conn, nil
}

// containerHere is the container of a service on the manager's own node, "" when none runs there.
func (s *Swarm) containerHere(ctx context.Context, r engine.Resource) (string, error) {
	found, err := s.docker.api.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(
		filters.Arg("label", "com.docker.swarm.service.name="+nameOf(r)), filters.Arg("status", "running"))})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].ID, nil
}

// dialNode tries the nodes with a gateway in turn.
func (s *Swarm) dialNode(ctx context.Context, r engine.Resource) (net.Conn, error) {
	found, err := s.manager.service(ctx, r)
	if err != nil {
		return nil, err
	}
	shown, err := s.keys.controller(ctx, r.Instance)
	if err != nil {
		return nil, err
	}
	v, err := s.manager.gateways(ctx, r.Instance)
	if err != nil {
		return nil, err
	}
	failed := []error{fmt.Errorf("%w: no gateway that answers", engine.ErrNotFound)}
	for _, n := range answeringFirst(v.withGateway()) {
		conn, err := shown.Control(ctx, net.JoinHostPort(addressOf(n), meshPort(found.Spec)))
		if err == nil {
			return conn, nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", n.Description.Hostname, err))
	}
	return nil, errors.Join(failed...)
}

// answeringFirst has the nodes that the manager does not hear last: one that is gone is waited for.
func answeringFirst(nodes []swarm.Node) []swarm.Node {
	return slices.SortedStableFunc(slices.Values(nodes), func(a, b swarm.Node) int {
		switch {
		case answers(a) == answers(b):
			return 0
		case answers(a):
			return -1
		}
		return 1
	})
}

// meshPort is where an instance's gateways listen for one another, as they are told.
func meshPort(spec swarm.ServiceSpec) string {
	for _, variable := range spec.TaskTemplate.ContainerSpec.Env {
		if at, is := strings.CutPrefix(variable, engine.EnvMesh+"="); is {
			_, port, _ := net.SplitHostPort(at)
			return port
		}
	}
	return ""
}

// Exec reaches sandboxes on the manager's own node alone: an engine executes in its own containers.
func (s *Swarm) Exec(ctx context.Context, instance string, seat int, cmd []string, streams engine.IO) (int, error) {
	r := engine.Resource{Kind: engine.Sandbox, Instance: instance, Seat: seat}
	here, err := s.containerHere(ctx, r)
	if err == nil && here == "" {
		err = s.elsewhere(ctx, r)
	}
	if err != nil {
		return 0, explain(err, "exec in sandbox %d of %s", seat, instance)
	}
	code, err := s.docker.execIn(ctx, here, cmd, streams)
	return code, explain(err, "exec in sandbox %d of %s", seat, instance)
}

// elsewhere says where a sandbox is that is not here.
func (s *Swarm) elsewhere(ctx context.Context, r engine.Resource) error {
	found, err := s.manager.service(ctx, r)
	if err != nil {
		return err
	}
	nodes, err := s.manager.allNodes(ctx)
	if err != nil {
		return err
	}
	id := nodeOf(found.Spec)
	return fmt.Errorf("%w: it is on %s: root gets in from that machine only", engine.ErrNotFound, nameOfNode(nodes[id], id))
}

// LastWords are the last lines of a sandbox's log, or, when none of its tasks ever began, why. It implements engine.LastWords.
func (s *Swarm) LastWords(ctx context.Context, instance string, seat, lines int) (string, error) {
	r := engine.Resource{Kind: engine.Sandbox, Instance: instance, Seat: seat}
	log, err := s.docker.api.ServiceLogs(ctx, nameOf(r), container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines)})
	if err != nil {
		return "", explain(err, "log of %s", r.ID())
	}
	if text := plain(log); text != "" {
		return text, nil
	}
	why, err := s.Why(ctx, instance)
	return why[seat], err
}
