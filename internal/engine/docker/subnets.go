package docker

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"

	"github.com/docker/docker/api/types/network"

	"maillab/internal/pool"
)

// Taken returns the subnets of all of the daemon's networks and, when it is on this machine, what the host's IPv4 routes
// lead to.
func (e *Engine) Taken(ctx context.Context) ([]netip.Prefix, error) {
	all, err := e.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, explain(err, "list networks")
	}
	var taken []netip.Prefix
	for _, n := range all {
		taken = append(taken, subnetsOf(n)...)
	}
	if e.endpoint.RemoteHost() != "" {
		return taken, nil
	}
	routes, err := hostRoutes("/proc/net/route")
	return append(taken, routes...), explain(err, "read the host's routes")
}

// hostRoutes is nothing where there is no such file: on a Mac the daemon is in a machine of its own.
func hostRoutes(file string) ([]netip.Prefix, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return pool.Routes(f)
}
