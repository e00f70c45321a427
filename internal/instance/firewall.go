package instance

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"maillab/internal/control"
)

// Through are the addresses and TCP ports that a firewall must let students through to: of each address the ports, or, where
// they are many, one range from the lowest to the highest. Addresses that follow each other and have the same ports are one
// range, too. Doors that only the machine itself reaches are none.
func (i Instance) Through() string {
	ports := map[netip.Addr][]uint16{}
	take := func(doors []control.Door) {
		for _, d := range doors {
			if at, err := netip.ParseAddrPort(d.Listen); err == nil && !at.Addr().IsLoopback() {
				ports[at.Addr()] = append(ports[at.Addr()], at.Port())
			}
		}
	}
	for _, s := range i.Sandboxes {
		take(s.Target.Doors)
	}
	if web := i.Doors().Web; web != nil {
		take(web.Doors)
	}
	var ranges []string
	all := slices.SortedFunc(maps.Keys(ports), netip.Addr.Compare)
	for n := 0; n < len(all); {
		first, open := all[n], portsOf(ports[all[n]])
		last := first
		for n++; n < len(all) && all[n] == last.Next() && portsOf(ports[all[n]]) == open; n++ {
			last = all[n]
		}
		at := first.String()
		if last != first {
			at += "-" + last.String()
		}
		ranges = append(ranges, fmt.Sprintf("%s TCP %s", at, open))
	}
	if len(ranges) > mostRanges {
		ranges = append(ranges[:mostRanges:mostRanges], fmt.Sprintf("and %d more addresses", len(ranges)-mostRanges))
	}
	return strings.Join(ranges, ", ")
}

// fewPorts is how many are named one by one: the services of a student, and the class's page.
const fewPorts = 5

// portsOf are ports of one address.
func portsOf(ports []uint16) string {
	ports = slices.Compact(slices.Sorted(slices.Values(ports)))
	if len(ports) > fewPorts {
		return fmt.Sprintf("%d-%d", ports[0], ports[len(ports)-1])
	}
	var names []string
	for _, p := range ports {
		names = append(names, fmt.Sprint(p))
	}
	return strings.Join(names, ",")
}

// mostRanges is how many addresses a line names.
const mostRanges = 4
