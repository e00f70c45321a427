package docker

import (
	"context"

	"github.com/docker/docker/api/types/container"

	"maillab/internal/engine"
)

// Restart ends what runs in a sandbox and starts it again; its volumes stay. It implements engine.Restarter.
func (e *Engine) Restart(ctx context.Context, instance string, seat int) error {
	none := 0 // what does not answer is not asked to end
	r := engine.Resource{Kind: engine.Sandbox, Instance: instance, Seat: seat}
	return explain(e.api.ContainerRestart(ctx, nameOf(r), container.StopOptions{Timeout: &none}), "restart %s", r.ID())
}
