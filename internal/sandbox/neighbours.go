//go:build linux

package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"maillab/internal/between"
)

// In a lab between servers a student's programs reach their neighbours' SMTP at addresses of between.Range. What connects
// there reaches the sandbox's own port 25, whose daemon sees from the connection's local address which neighbour was meant.
// At any other port nothing answers, not even what listens on all addresses, and nothing can pose as a neighbour:
//
//	0    from RANGE, TCP from port 25   local     answers of our port 25
//	1    from RANGE                     blackhole answers of all other ports, and who binds one of these addresses
//	2    to RANGE, TCP to port 25       local     to our port 25
//	3    to RANGE                       table     to where nobody answers
//	4    all                            local     the kernel's own first rule, moved here
//
// The whole range is in the table local, so that the kernel lets port 25 answer from there (ip_route_output_key wants an
// address of this machine's). In the other table it has a source of ours: without one, loopback would deliver an answer that
// goes to 0.0.0.0 without asking any rule. The rules need Linux 4.17, for ports (docs/decisions/0080).

// nowhere is the number of the table of the third rule.
const nowhere = 100

// smtpPort is the service's that is reached at neighbours' addresses.
const smtpPort = 25

// rule is one of policy routing: what it matches, and where it leads; table 0 is a black hole.
type rule struct {
	from, to     bool   // Range
	sport, dport uint16 // of TCP; 0 is any, of anything
	table        uint8
}

func neighbourRules() []rule {
	return []rule{
		{from: true, sport: smtpPort, table: unix.RT_TABLE_LOCAL},
		{from: true},
		{to: true, dport: smtpPort, table: unix.RT_TABLE_LOCAL},
		{to: true, table: nowhere},
		{table: unix.RT_TABLE_LOCAL},
	}
}

// meetNeighbours makes the way to them, where the sandbox has any.
func meetNeighbours(conn *netlink.Conn, loopback int) error {
	if os.Getenv(EnvBetween) != "yes" {
		return nil
	}
	// The kernel's own rule makes room at priority 0 only once another one leads to loopback's addresses.
	rules := neighbourRules()
	own := len(rules) - 1
	if err := errors.Join(addRule(conn, own, rules[own]), removeRule(conn, 0, rules[own])); err != nil {
		return fmt.Errorf("rules for neighbours: %w", err)
	}
	for priority, r := range rules[:own] {
		if err := addRule(conn, priority, r); err != nil {
			return fmt.Errorf("rules for neighbours: %w", err)
		}
	}
	return errors.Join(
		addRoute(conn, route{to: between.Range(), source: ownAddress(), link: loopback, table: unix.RT_TABLE_LOCAL, kind: unix.RTN_LOCAL, scope: unix.RT_SCOPE_HOST}),
		addRoute(conn, route{to: between.Range(), source: ownAddress(), link: loopback, table: nowhere, kind: unix.RTN_UNICAST, scope: unix.RT_SCOPE_LINK}),
	)
}

func addRule(conn *netlink.Conn, priority int, r rule) error {
	return changeRule(conn, unix.RTM_NEWRULE, netlink.Create|netlink.Excl, priority, r)
}

func removeRule(conn *netlink.Conn, priority int, r rule) error {
	return changeRule(conn, unix.RTM_DELRULE, 0, priority, r)
}

// changeRule sends a struct fib_rule_hdr with its attributes (linux/fib_rules.h). One that is there already is as good.
func changeRule(conn *netlink.Conn, kind netlink.HeaderType, flags netlink.HeaderFlags, priority int, r rule) error {
	header := []byte{unix.AF_INET, 0, 0, 0, r.table, 0, 0, unix.FR_ACT_TO_TBL, 0, 0, 0, 0}
	attrs := netlink.NewAttributeEncoder()
	attrs.Uint32(unix.FRA_PRIORITY, uint32(priority))
	network := between.Range().Addr().AsSlice()
	if r.to {
		header[1] = byte(between.Range().Bits())
		attrs.Bytes(unix.FRA_DST, network)
	}
	if r.from {
		header[2] = byte(between.Range().Bits())
		attrs.Bytes(unix.FRA_SRC, network)
	}
	if r.table == 0 {
		header[7] = unix.FR_ACT_BLACKHOLE
	}
	if r.sport != 0 || r.dport != 0 {
		attrs.Uint8(unix.FRA_IP_PROTO, unix.IPPROTO_TCP)
	}
	if r.sport != 0 {
		attrs.Bytes(unix.FRA_SPORT_RANGE, portRange(r.sport))
	}
	if r.dport != 0 {
		attrs.Bytes(unix.FRA_DPORT_RANGE, portRange(r.dport))
	}
	return send(conn, kind, flags, header, attrs)
}

// portRange is a struct fib_rule_port_range of one port, in the machine's byte order.
func portRange(port uint16) []byte {
	return binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, port), port)
}
