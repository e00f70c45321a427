//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"os"

	"maillab/internal/handoff"
)

// gatewaySocket is where the gateway takes registrations: on a volume that the sandboxes of an instance share with it,
// mounted below a folder that only root enters.
const gatewaySocket = "/srv/gateway/socket/gateway.sock"

// DialRelay implements broker.Relayer: it has the gateway dial the relay that the lab names.
func (s *Supervisor) DialRelay(ctx context.Context) (*os.File, string, error) {
	end, address, err := s.gateway.Ask(ctx, handoff.Packet{Relay: true})
	if err != nil {
		err = fmt.Errorf("relay: %w", err)
	}
	return end, address, err
}
