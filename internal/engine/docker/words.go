package docker

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"maillab/internal/engine"
)

// LastWords are the last lines of a sandbox's log. It implements engine.LastWords.
func (e *Engine) LastWords(ctx context.Context, instance string, seat, lines int) (string, error) {
	r := engine.Resource{Kind: engine.Sandbox, Instance: instance, Seat: seat}
	log, err := e.api.ContainerLogs(ctx, nameOf(r), container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines)})
	if err != nil {
		return "", explain(err, "log of %s", r.ID())
	}
	defer log.Close()
	var said strings.Builder
	if _, err := stdcopy.StdCopy(&said, &said, log); err != nil {
		return "", fmt.Errorf("log of %s: %w", r.ID(), err)
	}
	return strings.TrimSpace(said.String()), nil
}
