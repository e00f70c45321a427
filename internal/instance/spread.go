package instance

import (
	"context"
	"net"
	"slices"
	"strconv"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
)

// On an engine with several nodes each has a gateway, and all have the same doors. What a gateway is told beside them is the
// mesh's picture: the nodes, and where each seat is. Who has placed the seats is the engine; so a new one is reached as soon as
// the gateways were told where it came to be.

// meshOffset is where the gateways listen for one another, from the base on.
const meshOffset = 81

// meshSeat stands for a seat where that port is claimed.
const meshSeat = -2

// claimMesh reads where the gateways listen for one another, on every node.
func (i *Instance) claimMesh() {
	c := Claim{}
	for _, r := range i.Resources {
		c.Built = c.Built || r.Kind == engine.Gateway
		if _, port, err := net.SplitHostPort(r.Labels[engine.LabelMesh]); err == nil {
			c.Doors = []control.Door{{Service: "mesh", Listen: net.JoinHostPort("0.0.0.0", port)}}
		}
	}
	if c.Doors != nil {
		i.Claims[meshSeat] = c
	}
}

// placeOf is on which node a sandbox, or the page, is, and how often it had been placed then.
func placeOf(r engine.Resource) (node string, incarnation int) {
	incarnation, _ = strconv.Atoi(r.Labels[engine.LabelIncarnation])
	return r.Labels[engine.LabelNode], incarnation
}

// Displaced are the copies that are to be put back into sandboxes before anybody gets in, by seat: they have been placed anew.
func (i Instance) Displaced() map[int]string {
	displaced := map[int]string{}
	for _, r := range i.Resources {
		if name := r.Labels[engine.LabelRestore]; r.Kind == engine.Volume && name != "" {
			displaced[r.Seat] = name
		}
	}
	return displaced
}

// Spread says in the doors on which nodes there are gateways, and on which each seat is, as far as it has been placed. lost are the
// nodes that are given up.
func (d *Desired) Spread(existing Instance, nodes []engine.Node, lost []string, copying *control.Copying) {
	d.Doors.Mesh = &control.Mesh{Lost: lost, Copying: copying}
	d.Doors = placed(d.Doors, existing.Resources, d.meshPort(), nodes)
}

// placesOf are where sandboxes, and the page, are, as targets. Of one that is missing its volumes tell how often it has been placed.
func placesOf(resources []engine.Resource) map[int]control.Target {
	at := map[int]control.Target{}
	for _, r := range resources {
		t := at[r.Seat]
		switch node, incarnation := placeOf(r); r.Kind {
		case engine.Volume:
			t.Incarnation = max(t.Incarnation, incarnation)
			t.Closed = t.Closed || r.Labels[engine.LabelRestore] != ""
		case engine.Sandbox:
			t.Node, t.Incarnation = node, max(t.Incarnation, incarnation)
		default:
			continue
		}
		at[r.Seat] = t
	}
	if page := webOf(resources); page != nil {
		at[control.WebSeat] = *page
	}
	return at
}

// placed are doors with the places that resources have, and these nodes in their picture.
func placed(doors control.Doors, resources []engine.Resource, port string, nodes []engine.Node) control.Doors {
	at := placesOf(resources)
	targets := make([]control.Target, len(doors.Sandboxes))
	for i, t := range doors.Sandboxes {
		is := at[t.Seat]
		t.Node, t.Incarnation, t.Closed = is.Node, is.Incarnation, is.Closed
		targets[i] = t
	}
	doors.Sandboxes = targets
	if doors.Web != nil {
		page := *doors.Web
		page.Node, page.Incarnation = at[control.WebSeat].Node, at[control.WebSeat].Incarnation
		doors.Web = &page
	}
	mesh := control.Mesh{Nodes: []control.Node{}, Lost: doors.Mesh.Lost, Copying: doors.Mesh.Copying}
	doors.Mesh = &mesh
	for _, n := range nodes {
		doors.Mesh.Nodes = append(doors.Mesh.Nodes, control.Node{ID: n.ID, Name: n.Name, Address: net.JoinHostPort(n.Address, port)})
	}
	return doors
}

// paint puts doors with the places as they are now, in the version after the highest that the gateway has heard of. what tells from what
// there is which doors, and where the gateways listen for one another.
func paint(ctx context.Context, e engine.Engine, name string, client *control.Client, what func(found []engine.Resource) (control.Doors, string)) (control.Doors, error) {
	found, err := e.Observe(ctx, name)
	if err != nil {
		return control.Doors{}, err
	}
	nodes, err := e.(engine.Spreader).Nodes(ctx, name)
	if err != nil {
		return control.Doors{}, err
	}
	known, err := client.Mesh(ctx)
	if err != nil {
		return control.Doors{}, err
	}
	doors, port := what(found)
	doors = placed(doors, found, port, nodes)
	doors.Mesh.Version = known.Version + 1
	return doors, client.PutDoors(ctx, doors)
}

// Repaint has the gateways told where seats are now, and whose doors are closed, and returns when all that are heard know it.
func Repaint(ctx context.Context, e engine.Engine, name string, client *control.Client) error {
	was, err := client.Doors(ctx)
	if err != nil {
		return err
	}
	doors, err := paint(ctx, e, name, client, func(found []engine.Resource) (control.Doors, string) {
		doors := doorsOf(InForce(found))
		if doors.Mesh = was.Mesh; doors.Mesh == nil {
			doors.Mesh = &control.Mesh{}
		}
		return doors, meshPort(found)
	})
	if err != nil {
		return err
	}
	return known(ctx, client, doors.Mesh.Version)
}

// known returns when all gateways that are heard know a picture: until then a door may be as it was before.
func known(ctx context.Context, client *control.Client, version int64) error {
	for {
		state, err := client.Mesh(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(state.Nodes, func(n control.NodeState) bool { return n.Heard && n.Version < version }) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
	}
}

// look is how often is looked whether all gateways know something.
const look = 50 * time.Millisecond

// meshPort is where the gateways listen for one another.
func (d Desired) meshPort() string { return meshPort(d.Resources) }

func meshPort(resources []engine.Resource) string {
	for _, r := range resources {
		if r.Kind == engine.Gateway {
			_, port, _ := net.SplitHostPort(r.Labels[engine.LabelMesh])
			return port
		}
	}
	return ""
}

// Spread has the gateways told where seats come to be, on an engine with several nodes.
func (s *Steering) Spread(e engine.Engine, name string, d Desired) {
	if _, ok := e.(engine.Spreader); !ok || s.doors.Mesh == nil {
		return
	}
	s.paint = func(ctx context.Context) error {
		doors, err := paint(ctx, e, name, s.client, func([]engine.Resource) (control.Doors, string) { return s.doors, d.meshPort() })
		if err == nil {
			s.doors = doors
		}
		return err
	}
}

// PutBack has put called for seats that have been placed anew, once they are what they are to be: with what they had elsewhere their
// doors open again.
func (s *Steering) PutBack(seats map[int]string, put func(ctx context.Context, seat int) error) {
	s.back = func(ctx context.Context, seat int) error {
		if _, is := seats[seat]; !is {
			return nil
		}
		wanted := s.specs[seat]
		if err := s.waitReady(ctx, seat, wanted.Hash()); err != nil {
			return err
		}
		if err := put(ctx, seat); err != nil {
			return err
		}
		return s.opened(ctx, seat)
	}
}

// opened has the gateways told that a seat's doors open, unless they were with another's, and returns when they know it.
func (s *Steering) opened(ctx context.Context, seat int) error {
	return s.show(ctx, func() bool {
		return slices.ContainsFunc(s.doors.Sandboxes, func(t control.Target) bool { return t.Seat == seat && t.Closed })
	})
}

// show puts a new picture if the last one is stale, and returns when all gateways that are heard know the one in force.
func (s *Steering) show(ctx context.Context, stale func() bool) error {
	s.picture.Lock()
	var err error
	if stale() {
		err = s.paint(ctx)
	}
	version := s.doors.Mesh.Version
	s.picture.Unlock()
	if err != nil {
		return err
	}
	return known(ctx, s.client, version)
}

// reach has the gateways told where a seat is, unless they were.
func (s *Steering) reach(ctx context.Context, seat int) error {
	if s.paint == nil {
		return nil
	}
	s.picture.Lock()
	defer s.picture.Unlock()
	for _, t := range s.doors.Sandboxes {
		if t.Seat == seat && t.Node != "" {
			return nil
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.after(s.painted):
	}
	began := time.Now()
	err := s.paint(ctx)
	s.painted = paintShare * time.Since(began)
	return err
}

// paintShare is how many times as long as a picture takes is waited before the next: each is of all seats, and those that are placed
// meanwhile are on it.
const paintShare = 3
