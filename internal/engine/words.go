package engine

import "context"

// LastWords is an engine that remembers what the supervisor of a sandbox said, for one that does not stay up.
type LastWords interface {
	LastWords(ctx context.Context, instance string, seat, lines int) (string, error)
}
