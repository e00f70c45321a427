package instance

import (
	"net"
	"net/netip"
	"strconv"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/pool"
)

// A gateway stands on the host's network, where it listens for students itself. Where that is not the network of the
// machine that students connect to, it stands in the instance's network, and the engine forwards to it.

// gateway is the instance's, not equipped yet.
func (w Wish) gateway(can engine.Capabilities) engine.Resource {
	r := w.resource(engine.Gateway, 0, nil)
	r.Sandbox = &engine.SandboxSpec{Image: w.Image}
	if w.Bridge && can.System {
		r.Sandbox.Address = pool.Gateway(w.Subnet)
		r.Labels[engine.LabelAddress] = r.Sandbox.Address.String()
	}
	return r
}

// peer is the one address that gets into a sandbox: the gateway's own, or the bridge's, from where the host connects.
func (w Wish) peer() netip.Addr {
	if w.Bridge {
		return pool.Gateway(w.Subnet)
	}
	return pool.Bridge(w.Subnet)
}

// lowest is the first port that needs no right.
const lowest = 1024

// equip gives a gateway what its doors need. On the host's network it may listen on any port, whatever its doors are today:
// they may move while it runs.
func equip(gateway *engine.SandboxSpec, doors control.Doors) {
	gateway.LowPorts = !gateway.Address.IsValid()
	for _, t := range doors.Sandboxes {
		for _, d := range t.Doors {
			if d.At == "" {
				continue
			}
			if gateway.Publish == nil {
				gateway.Publish = map[int]string{}
			}
			gateway.Publish[portOf(d.At)] = d.Listen
		}
	}
}

// onBridge tells whether a resource is a gateway in its instance's network.
func onBridge(r engine.Resource) bool {
	return r.Kind == engine.Gateway && r.Labels[engine.LabelAddress] != ""
}

// forwarded says where a gateway on a bridge listens for each door. Two seats may have the same port on two addresses;
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
}

// forwardBase is the first port of a gateway's own on a bridge; a thousand seats end far below the ephemeral ports.
const forwardBase = 10000

// portOf is 0 where there is none.
func portOf(listen string) int {
	_, port, _ := net.SplitHostPort(listen)
	n, _ := strconv.Atoi(port)
	return n
}
