package classroom

import (
	"context"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
)

// Extend makes tasks of some students due later; failed has the sandboxes that did not take it.
func Extend(ctx context.Context, i deploy.Running, chosen instance.Chosen, e control.Extension) (failed map[int]error) {
	client := i.Client()
	defer client.Close()
	return instance.Each(ctx, chosen.Sandboxes, Awake(func(ctx context.Context, s instance.Sandbox) error {
		mine := e
		mine.Students = chosen.Of(s)
		return client.Seat(s.Seat).Extend(ctx, mine)
	}))
}
