package engine

import "context"

// LabelNode is the ID of the node on which a sandbox, or the page, is, and its volumes: observed, never desired.
const LabelNode = "maillab.node"

// LabelIncarnation counts the nodes on which a sandbox, or the page, has been placed: what belongs to a lower one is not its any
// more. Observed, too.
const LabelIncarnation = "maillab.incarnation"

// LabelRestore is, on the records of a sandbox's volumes, which copy of it is to be put back before anybody gets in; absent where
// none is. Observed.
const LabelRestore = "maillab.restore"

// Unmoved is a LabelRestore that names no copy: the sandbox is where it was, with what it had.
const Unmoved = "-"

// What a gateway of several is told by its environment.
const (
	EnvNode = "MAILLAB_NODE" // the ID of its node
	EnvMesh = "MAILLAB_MESH" // where it listens for those of the other nodes: ":PORT"
)

// Node is a machine of an engine that has several.
type Node struct {
	ID      string
	Name    string // for people
	Address string // at which the others reach it, without a port
	Away    bool   // it does not answer
}

// Spreader is an engine whose sandboxes are on several machines, each with a gateway of the instance.
type Spreader interface {
	// Nodes are those that have a gateway of the instance, in an order that stays, first those that can place sandboxes; one that does
	// not answer keeps its own.
	Nodes(ctx context.Context, instance string) ([]Node, error)
}

// Mover is an engine of several machines that can place a sandbox anew, on another one.
type Mover interface {
	Spreader
	// Away are the nodes that are gone, as far as the engine knows, by the seats whose sandboxes are there.
	Away(ctx context.Context, instance string) (map[int]Node, error)
	// Hold keeps Unmoved as LabelRestore: a sandbox is to be displaced, and nobody gets in meanwhile.
	Hold(ctx context.Context, instance string, seat int) error
	// Displace ends a sandbox and gives up the volumes that it has on its node: they are removed there as soon as that answers. Put
	// places it on another one, with new volumes, as a higher incarnation. restore is kept as LabelRestore until Settle.
	Displace(ctx context.Context, instance string, seat int, restore string) error
	// Settle forgets which copy is to be put back.
	Settle(ctx context.Context, instance string, seat int) error
	// Tidy removes what displaced sandboxes have left on nodes that answer again.
	Tidy(ctx context.Context, instance string) error
}

// Renewer is an engine whose gateways show each other certificates, which end.
type Renewer interface {
	// Renew makes new ones for an instance where they end soon, and returns when the gateways have them.
	Renew(ctx context.Context, instance string) error
}

// Explainer is an engine that can tell why sandboxes do not run.
type Explainer interface {
	// Why has the reasons by seat, in words; a sandbox that runs has none.
	Why(ctx context.Context, instance string) (map[int]string, error)
}
