package instance

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"maillab/internal/control"
)

// Through are the addresses and TCP ports that a firewall must let students through to: of each address one range, from the
// lowest to the highest. Doors that only the machine itself reaches are none.
func (i Instance) Through() string {
	low, high := map[netip.Addr]uint16{}, map[netip.Addr]uint16{}
	take := func(doors []control.Door) {
		for _, d := range doors {
			at, err := netip.ParseAddrPort(d.Listen)
			if err != nil || at.Addr().IsLoopback() {
				continue
			}
			if was, known := low[at.Addr()]; !known || at.Port() < was {
				low[at.Addr()] = at.Port()
			}
			high[at.Addr()] = max(high[at.Addr()], at.Port())
		}
	}
	for _, s := range i.Sandboxes {
		take(s.Target.Doors)
	}
	if web := i.Doors().Web; web != nil {
		take(web.Doors)
	}
	var ranges []string
	for _, at := range slices.SortedFunc(maps.Keys(low), netip.Addr.Compare) {
		ranges = append(ranges, fmt.Sprintf("%s TCP %d-%d", at, low[at], high[at]))
	}
	if len(ranges) > mostRanges {
		ranges = append(ranges[:mostRanges:mostRanges], fmt.Sprintf("and %d more addresses", len(ranges)-mostRanges))
	}
	return strings.Join(ranges, ", ")
}

// mostRanges is how many addresses a line names.
const mostRanges = 4
