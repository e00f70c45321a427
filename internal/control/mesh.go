package control

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Mesh is the part of Doors that says which gateways an instance has, one a node, where it is on many machines. Doors with it
// are the mesh's picture: put to any gateway, which spreads it. Which node has a seat says the seat's Target.
type Mesh struct {
	// Version grows with each picture, by one or more: the highest is in force, on every node.
	Version int64 `json:"version"`
	// Nodes are those that may carry seats, in an order that stays: where their number is even, the first has the casting vote
	// (docs/decisions/0105).
	Nodes []Node `json:"nodes"`
	// Lost names nodes that are gone, by the word of who puts the picture: nobody waits for their votes. A node that is named
	// without being gone serves nothing any more once it hears of it, and what it had may be served twice until then.
	Lost []string `json:"lost,omitempty"`
	// Copying is when sandboxes are copied to another node; nil: they are not.
	Copying *Copying `json:"copying,omitempty"`
	// Taken is filled in by the gateway that is told the picture.
	Taken *Taken `json:"taken,omitempty"`
}

// Node is a machine with a gateway.
type Node struct {
	ID      string `json:"id"`
	Name    string `json:"name"`    // for people
	Address string `json:"address"` // host:port at which its gateway listens for the others
}

// Taken is what the gateway that takes a picture adds to it.
type Taken struct {
	Mark   string   `json:"mark"`             // tells two pictures of one version apart
	Before []string `json:"before,omitempty"` // the nodes of the picture before, where they were others
}

// Alike tells whether two pictures say the same nodes, whatever their versions.
func (m *Mesh) Alike(o *Mesh) bool {
	if m == nil || o == nil {
		return m == o
	}
	return slices.Equal(m.Nodes, o.Nodes) && slices.Equal(m.Lost, o.Lost)
}

// Votes is how many votes the i-th of n nodes has: where their number is even, the first one's counts twice.
func Votes(i, n int) int {
	if i == 0 && n%2 == 0 {
		return 2
	}
	return 1
}

// MeshState is what one gateway knows of all of them.
type MeshState struct {
	Node    string `json:"node"`    // whose word this is
	Version int64  `json:"version"` // the highest that it has heard of, 0 for none
	// Serving tells whether it serves the seats that are on its node; Problem says why not.
	Serving bool   `json:"serving"`
	Problem string `json:"problem,omitempty"`
	// Lease is how long it would go on without hearing anybody, in nanoseconds.
	Lease time.Duration `json:"lease,omitempty"`
	Nodes []NodeState   `json:"nodes"`
}

// NodeState is a node as the gateway that is asked hears it. Of itself it always hears.
type NodeState struct {
	Node
	Heard   bool      `json:"heard"`
	Since   time.Time `json:"since"`             // it has been heard, or not, since then
	Problem string    `json:"problem,omitempty"` // why it is not heard
	// As it said itself, when it was heard last.
	Version int64    `json:"version"`
	Serving bool     `json:"serving"`
	Shut    []string `json:"shut,omitempty"` // listening addresses of doors that do not open there
}

// Mesh asks a gateway what it knows of the others.
func (c *Client) Mesh(ctx context.Context) (MeshState, error) {
	var state MeshState
	return state, c.call(ctx, http.MethodGet, GatewayHost, "/v1/mesh", nil, &state)
}
