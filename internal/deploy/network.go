package deploy

import (
	"encoding/binary"
	"net/netip"

	"maillab/internal/engine"
	"maillab/internal/pool"
)

// bridged tells whether the gateway is to be in the instance's network: as told, as it is, or as the engine can.
func bridged(r Request, f Found) (bool, error) {
	switch {
	case r.Gateway == "bridge" && !f.Can.System:
		return false, refusef("--gateway bridge: engine %s has no networks", f.Can.Name)
	case r.Gateway == "host" && f.Can.Bridge:
		return false, refusef("--gateway host: engine %s has no host networking: %s", f.Can.Name, f.Can.Missing)
	case r.Gateway == "host", r.Gateway == "bridge":
		return r.Gateway == "bridge", nil
	case r.Gateway != "":
		return false, refusef("--gateway is host or bridge, not %q", r.Gateway)
	}
	return f.Can.Bridge || f.Existing.Bridge, nil
}

// A pool has room for the largest class.
const (
	largestPool  = 12
	smallestPool = 22
)

// network is the range that the instance's network is taken from, and the network: those that it has, else free ones.
func network(r Request, f Found, highest int) (from, subnet netip.Prefix, err error) {
	from = pool.Default()
	if r.Pool != "" {
		if from, err = netip.ParsePrefix(r.Pool); err != nil || !from.Addr().Is4() || from.Bits() < largestPool || from.Bits() > smallestPool || from != from.Masked() {
			return from, subnet, refusef("--pool %s: want a range of IPv4 from /%d to /%d, such as 10.213.0.0/16", r.Pool, largestPool, smallestPool)
		}
	}
	for _, has := range f.Existing.Resources {
		if has.Kind != engine.Network {
			continue
		}
		had := pool.Default()
		if label := has.Labels[engine.LabelPool]; label != "" {
			if had, err = netip.ParsePrefix(label); err != nil {
				return from, subnet, err
			}
		}
		if r.Pool != "" && from != had {
			return from, subnet, refusef("--pool %s: the network of %s is from %s; take it down to move it", r.Pool, f.Existing.Name, had)
		}
		subnet, err = netip.ParsePrefix(has.Labels[engine.LabelSubnet])
		return had, subnet, err
	}
	if !f.Can.System {
		return from, subnet, nil
	}
	if r.Run != "" && f.Random != nil { // two that start together want others
		const bits = 22
		first := binary.BigEndian.Uint32(from.Masked().Addr().AsSlice())
		first += uint32(f.Random(1<<(bits-from.Bits()))) << (32 - bits)
		part := netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, first))), bits)
		if subnet, err = pool.Choose(part, f.Taken, highest); err == nil {
			return from, subnet, nil
		}
	}
	subnet, err = pool.Choose(from, f.Taken, highest)
	return from, subnet, err
}
