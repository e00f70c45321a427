// Package instance is a lab that is up for a class, as the controller sees it: read from the labels of what runs,
// wished for from a lab and a class, and reached through its gateway.
package instance

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
)

// Instance is what an engine's labels tell of one instance.
type Instance struct {
	Name      string
	Lab       string
	Owner     string // the user who brought it up
	Topology  string // isolated or shared
	Host      string // what students are told to connect to; "" is where the doors listen
	Expires   time.Time
	Gateway   bool // it runs
	Sandboxes []Sandbox
	Resources []engine.Resource
	Forward   bool // the engine forwards to the gateway
	Created   time.Time
	Claims    map[int]Claim // by seat
}

// Sandbox is one of an instance's mail servers.
type Sandbox struct {
	Seat     int
	Students []string     // roster keys: one, or on a shared sandbox the class
	State    engine.State // Missing when only its volumes are there
	Image    string
	Target   control.Target
}

// Of groups observed resources into instances, sorted by name, each with what is in force. Images belong to none.
func Of(resources []engine.Resource) []Instance {
	byName := map[string]*Instance{}
	for _, r := range InForce(resources) {
		if r.Kind == engine.Image {
			continue
		}
		i := byName[r.Instance]
		if i == nil {
			i = &Instance{Name: r.Instance, Claims: map[int]Claim{}}
			byName[r.Instance] = i
		}
		i.take(r)
	}
	var all []Instance
	for _, i := range byName {
		i.missing()
		i.claim()
		slices.SortFunc(i.Sandboxes, func(a, b Sandbox) int { return cmp.Compare(a.Seat, b.Seat) })
		all = append(all, *i)
	}
	slices.SortFunc(all, func(a, b Instance) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (i *Instance) take(r engine.Resource) {
	i.Resources = append(i.Resources, r)
	i.Lab = cmp.Or(i.Lab, r.Labels[engine.LabelLab])
	i.Owner = cmp.Or(i.Owner, r.Labels[engine.LabelOwner])
	i.Topology = cmp.Or(i.Topology, r.Labels[engine.LabelTopology])
	if t, err := time.Parse(time.RFC3339Nano, r.Labels[engine.LabelCreated]); err == nil && (i.Created.IsZero() || t.Before(i.Created)) {
		i.Created = t
	}
	if r.Kind == engine.Facts {
		return
	}
	i.Host = cmp.Or(i.Host, r.Labels[engine.LabelHost])
	if t, err := time.Parse(time.RFC3339, r.Labels[engine.LabelExpires]); err == nil {
		i.Expires = t
	}
	switch r.Kind {
	case engine.Gateway:
		i.Gateway, i.Forward = r.State == engine.Running, isForwarded(r)
	case engine.Sandbox:
		i.Sandboxes = append(i.Sandboxes, sandboxOf(r))
	}
}

// missing adds the sandboxes that somebody removed: their volumes tell whose they were. Where nothing but volumes is left,
// the instance is down.
func (i *Instance) missing() {
	there, up := map[int]bool{}, false
	for _, r := range i.Resources {
		there[r.Seat] = there[r.Seat] || r.Kind == engine.Sandbox
		up = up || r.Kind != engine.Volume && r.Kind != engine.Facts && r.Kind != engine.Socket
	}
	for _, r := range i.Resources {
		if up && r.Kind == engine.Volume && !there[r.Seat] {
			there[r.Seat] = true
			i.Sandboxes = append(i.Sandboxes, Sandbox{
				Seat: r.Seat, Students: splitList(r.Labels[engine.LabelStudent]), State: engine.Missing,
				Target: control.Target{Seat: r.Seat, Token: r.Labels[engine.LabelToken]}, // of one that was displaced
			})
		}
	}
}

// Bare tells whether there is nothing to ask: neither a sandbox nor the gateway.
func (i Instance) Bare() bool { return len(i.Sandboxes) == 0 && !i.Gateway }

func sandboxOf(r engine.Resource) Sandbox {
	s := Sandbox{
		Seat:     r.Seat,
		Students: splitList(r.Labels[engine.LabelStudent]),
		State:    r.State,
		Target: control.Target{
			Seat:  r.Seat,
			Token: r.Labels[engine.LabelToken],
			Relay: r.Labels[engine.LabelRelay], Domain: r.Labels[engine.LabelDomain],
			Doors: parseDoors(r.Labels[engine.LabelDoors]),
		},
	}
	s.Target.Node, s.Target.Incarnation = placeOf(r)
	if r.Sandbox != nil {
		s.Image = r.Sandbox.Image
	}
	return s
}

// Seats are the seats that the labels remember.
func (i Instance) Seats() map[string]int {
	seats := map[string]int{}
	for _, r := range i.Resources {
		for n, key := range strings.Split(r.Labels[engine.LabelStudent], ",") {
			switch {
			case key == "": // an empty seat of a shared server
			case r.Seat == 0:
				seats[key] = n + 1
			default:
				seats[key] = r.Seat
			}
		}
	}
	return seats
}

// Doors are the doors that the labels tell, for the gateway.
func (i Instance) Doors() control.Doors { return doorsOf(i.Resources) }

// Students are the keys of all students, in the order of their seats.
func (i Instance) Students() []string {
	var all []string
	for _, s := range i.Sandboxes {
		all = append(all, s.Students...)
	}
	return all
}

// Name is what a sandbox is called in lists: its student, or "shared".
func (s Sandbox) Name() string {
	if s.Seat == 0 {
		return "shared"
	}
	return strings.Join(s.Students, ",")
}

// Addresses maps services to where students connect.
func (s Sandbox) Addresses(host string) map[string]string {
	addresses := map[string]string{}
	for _, d := range s.Target.Doors {
		addresses[d.Service] = reach(d.Listen, host)
	}
	return addresses
}

// doorsOf derives the gateway's doors from sandboxes' labels, in a fixed order.
func doorsOf(resources []engine.Resource) control.Doors {
	var doors control.Doors
	for _, r := range resources {
		if r.Kind == engine.Sandbox {
			doors.Sandboxes = append(doors.Sandboxes, sandboxOf(r).Target)
		}
	}
	if doors.Web = webOf(resources); doors.Web != nil {
		for i := range doors.Sandboxes {
			doors.Sandboxes[i].Students = studentsOf(resources, doors.Sandboxes[i].Seat)
		}
	}
	doors.Filter = filterOf(resources)
	if slices.ContainsFunc(resources, isForwarded) {
		forwarded(doors)
	}
	slices.SortFunc(doors.Sandboxes, func(a, b control.Target) int { return cmp.Compare(a.Seat, b.Seat) })
	return doors
}

// studentsOf are a sandbox's.
func studentsOf(resources []engine.Resource, seat int) []string {
	for _, r := range resources {
		if r.Kind == engine.Sandbox && r.Seat == seat {
			return splitList(r.Labels[engine.LabelStudent])
		}
	}
	return nil
}

// hashDoors is what drift of the gateway's doors is told from. Which version a mesh's picture is, is no drift.
func hashDoors(d control.Doors) string {
	if d.Mesh != nil {
		d.Mesh = &control.Mesh{Nodes: d.Mesh.Nodes, Lost: d.Mesh.Lost, Copying: d.Mesh.Copying}
	}
	text, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("instance: doors do not marshal: %v", err)) // plain data: our own bug
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// parseDoors reads a LabelDoors; what is not a door is left out, because a label from another version must not make an
// instance unmanageable.
func parseDoors(label string) []control.Door {
	var doors []control.Door
	for _, part := range splitList(label) {
		if service, listen, ok := strings.Cut(part, "="); ok {
			doors = append(doors, control.Door{Service: service, Listen: listen})
		}
	}
	return doors
}

// formatDoors is the LabelDoors of doors.
func formatDoors(doors []control.Door) string {
	parts := make([]string, len(doors))
	for i, d := range doors {
		parts[i] = d.Service + "=" + d.Listen
	}
	return strings.Join(parts, ",")
}

func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

// Blocks are the blocks that the instance's ports are in.
func (i Instance) Blocks() []Block {
	slots := map[int]int{}
	for seat, c := range i.Claims {
		for _, d := range c.Doors {
			if slot, ok := slotOf(d); ok {
				slots[seat] = slot
			}
		}
	}
	return blocksOf(slots)
}

// Listen is the address on which the instance's doors listen in mode ports.
func (i Instance) Listen() (string, bool) {
	for _, c := range i.Claims {
		for _, d := range c.Doors {
			if _, ok := slotOf(d); ok {
				host, _, err := net.SplitHostPort(d.Listen)
				return host, err == nil
			}
		}
	}
	return "", false
}
