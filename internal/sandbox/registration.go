//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"maillab/internal/between"
	"maillab/internal/handoff"
)

// gatewaySocket is where the gateway takes registrations: on a volume that the sandboxes of an instance share with it,
// mounted below a folder that only root enters.
const gatewaySocket = "/srv/gateway/socket/gateway.sock"

// DialRelay implements broker.Relayer: it has the gateway dial the relay that the lab names.
func (s *Supervisor) DialRelay(ctx context.Context) (*os.File, string, error) {
	end, answer, err := s.gateway.Ask(ctx, handoff.Packet{Relay: true})
	if err != nil {
		err = fmt.Errorf("relay: %w", err)
	}
	return end, answer.Address, err
}

// DialFilter implements broker.Filterer: it has the gateway connect to the class's SpamAssassin.
func (s *Supervisor) DialFilter(ctx context.Context) (*os.File, error) {
	end, _, err := s.gateway.Ask(ctx, handoff.Packet{Filter: true})
	if err != nil {
		err = fmt.Errorf("spamd: %w", err)
	}
	return end, err
}

// Neighbour implements broker.Neighbours: it has the gateway connect to another student's server.
func (s *Supervisor) Neighbour(ctx context.Context, to, service string) (end *os.File, who between.Server, err error) {
	end, answer, err := s.gateway.Ask(ctx, handoff.Packet{Neighbour: &handoff.Neighbour{To: to, Service: service}})
	if err == nil {
		who.Domain = answer.Domain
		who.Address, err = netip.ParseAddr(answer.Address)
	}
	if err != nil {
		if end != nil {
			_ = end.Close()
		}
		return nil, who, fmt.Errorf("neighbour %s: %w", to, err)
	}
	return end, who, nil
}
