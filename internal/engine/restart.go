package engine

import "context"

// Restarter is an engine that can start a sandbox anew, sessions and all, with its volumes as they are: for one that does
// not answer any more.
type Restarter interface {
	Restart(ctx context.Context, instance string, seat int) error
}
