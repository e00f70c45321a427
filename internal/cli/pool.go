package cli

import (
	"net/netip"

	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/pool"
)

// A pool has room for the largest class, and its last uid fits into 32 bits.
const (
	largestPool  = 12
	smallestPool = 22
)

// addressPool is the range that networks are taken from: the one that the instance's network was taken from, as told, or
// the default. The uids of sandboxes follow from the place of their addresses in it.
func addressPool(existing instance.Instance, given string) (netip.Prefix, error) {
	chosen := pool.Default()
	if given != "" {
		p, err := netip.ParsePrefix(given)
		if err != nil || !p.Addr().Is4() || p.Bits() < largestPool || p.Bits() > smallestPool || p != p.Masked() {
			return p, usagef("--pool %s: want a range of IPv4 from /%d to /%d, such as 10.213.0.0/16", given, largestPool, smallestPool)
		}
		chosen = p
	}
	for _, r := range existing.Resources {
		if r.Kind != engine.Network {
			continue
		}
		had := pool.Default()
		if label := r.Labels[engine.LabelPool]; label != "" {
			var err error
			if had, err = netip.ParsePrefix(label); err != nil {
				return had, err
			}
		}
		if given != "" && chosen != had {
			return had, usagef("--pool %s: the network of %s is from %s; take it down to move it", given, existing.Name, had)
		}
		return had, nil
	}
	return chosen, nil
}
