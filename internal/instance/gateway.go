package instance

import (
	"net"
	"strconv"

	"maillab/internal/control"
	"maillab/internal/engine"
)

// A gateway stands on the host's network, where it listens for students itself. Where that is not the network of the
// machine that students connect to, the engine forwards to it.

// gateway is the instance's, not equipped yet.
func (w Wish) gateway(can engine.Capabilities) engine.Resource {
	r := w.resource(engine.Gateway, 0, nil)
	r.Sandbox = &engine.SandboxSpec{Image: w.Image}
	if w.Forward && can.System {
		r.Labels[engine.LabelForward] = "ports"
		r.Sandbox.Publish = map[int]string{}
	}
	if can.Nodes {
		r.Labels[engine.LabelMesh] = ":" + strconv.Itoa(w.base()+meshOffset)
		r.Sandbox.Env = map[string]string{engine.EnvMesh: r.Labels[engine.LabelMesh]}
	}
	return r
}

// lowest is the first port that needs no right.
const lowest = 1024

// equip gives a gateway what its doors need.
func equip(gateway *engine.SandboxSpec, doors control.Doors) {
	for _, t := range doors.Targets() {
		for _, d := range t.Doors {
			if d.At != "" {
				gateway.Publish[portOf(d.At)] = d.Listen
			}
		}
	}
}

// isForwarded tells whether a resource is a gateway that the engine forwards to.
func isForwarded(r engine.Resource) bool {
	return r.Kind == engine.Gateway && r.Labels[engine.LabelForward] != ""
}

// forwarded says where a gateway that the engine forwards to listens for each door. Two seats may have the same port on two addresses;
// inside, each door has a port of its own, which follows from seat and service alone.
func forwarded(doors control.Doors) {
	for _, t := range doors.Sandboxes {
		for i := range t.Doors {
			for n, o := range offsets {
				if o.service == t.Doors[i].Service {
					t.Doors[i].At = ":" + strconv.Itoa(forwardBase+len(offsets)*t.Seat+n)
				}
			}
		}
	}
	if doors.Web != nil {
		doors.Web.Doors[0].At = ":" + strconv.Itoa(forwardBase-1)
	}
}

// forwardBase is the first port of such a gateway's own; a thousand seats end far below the ephemeral ports.
const forwardBase = 10000

// portOf is 0 where there is none.
func portOf(listen string) int {
	_, port, _ := net.SplitHostPort(listen)
	n, _ := strconv.Atoi(port)
	return n
}
