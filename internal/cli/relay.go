package cli

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"maillab/internal/instance"
	"maillab/internal/spec"
)

// lookup finds a host's addresses.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// relays finds where the sandboxes' relays are. It is done here, on the controller: in a sandbox no names are looked up,
// and its packet chain lets maild through to an address. A name that has moved makes the sandboxes anew at the next up.
func relays(ctx context.Context, specs []spec.Sandbox, find lookup) (map[string]netip.AddrPort, error) {
	all := map[string]netip.AddrPort{}
	for _, s := range specs {
		relay := instance.RelayOf(s)
		if _, done := all[relay]; done || relay == "" {
			continue
		}
		at, err := relayAt(ctx, relay, find)
		if err != nil {
			return nil, fmt.Errorf("services.smtp.relay: %s: %w", relay, err)
		}
		all[relay] = at
	}
	return all, nil
}

// relayAt finds one. Sandboxes have IPv4; of several addresses it is always the same one.
func relayAt(ctx context.Context, relay string, find lookup) (at netip.AddrPort, err error) {
	host, port, err := net.SplitHostPort(relay)
	if err != nil {
		host, port = relay, "25"
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return at, err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		found, err := find(ctx, "ip4", host)
		if err != nil {
			return at, fmt.Errorf("the name cannot be looked up on this machine (an address needs no name): %w", err)
		}
		if len(found) == 0 {
			return at, fmt.Errorf("the name has no IPv4 address")
		}
		addr = slices.MinFunc(found, netip.Addr.Compare)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}
