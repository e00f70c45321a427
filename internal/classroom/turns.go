package classroom

import (
	"context"
	"errors"

	"maillab/internal/instance"
	"maillab/internal/screen"
)

// Places are where sandboxes, by seat, stand in a list.
func Places(sandboxes []instance.Sandbox) map[int]int {
	place := map[int]int{}
	for n, s := range sandboxes {
		place[s.Seat] = n
	}
	return place
}

// InTurn is do, which ends its sandbox's turns.
func InTurn(place map[int]int, do func(context.Context, instance.Sandbox) error, all ...*screen.Turns) func(context.Context, instance.Sandbox) error {
	return func(ctx context.Context, s instance.Sandbox) error {
		err := do(ctx, s)
		for _, t := range all {
			err = errors.Join(err, t.Writer(place[s.Seat]).Close())
		}
		return err
	}
}
