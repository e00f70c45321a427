// Package pool divides maillab's own address space. Docker's default pools run out after some thirty networks, so each
// instance's network is a piece of one range, by default 10.213.0.0/16, chosen so that it overlaps no network of the
// engine and no route of the host. A piece is a /24, /23 or /22 with room for the class to grow; within it
//
//	.0          the network        .2      seat 0, the shared sandbox
//	.1          the bridge         .2+n    seat n
//	last but one    a gateway, where it cannot be on the host's network
//
// A sandbox's uids follow from its address, so that no two sandboxes on a host share one, nor the kernel's limits that
// hang on it. Everything here is pure: what is taken is handed in.
package pool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Default is the range that subnets are taken from.
func Default() netip.Prefix { return netip.MustParsePrefix("10.213.0.0/16") }

// MaxSeat is the highest seat that has an address: Linux lets a bridge have 1023 ports (BR_MAX_PORTS).
const MaxSeat = 1000

// reserved are the addresses of a subnet that are no numbered seat's: network, bridge, seat 0, gateway, broadcast.
const reserved = 5

// ErrFull is returned when a pool has no free piece that is large enough.
var ErrFull = errors.New("the address pool is full")

// Bits is the prefix length of a subnet for seats up to the given one: twice the class fits while that is possible.
func Bits(highestSeat int) (int, error) {
	if highestSeat > MaxSeat {
		return 0, fmt.Errorf("seat %d: a network holds %d at most", highestSeat, MaxSeat)
	}
	for bits := 24; bits > 22; bits-- {
		if 2*highestSeat+reserved <= 1<<(32-bits) {
			return bits, nil
		}
	}
	return 22, nil
}

// Choose returns the first piece of the pool that is large enough for seats up to the given one and overlaps nothing
// that is taken.
func Choose(pool netip.Prefix, taken []netip.Prefix, highestSeat int) (netip.Prefix, error) {
	bits, err := Bits(highestSeat)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !pool.Addr().Is4() || pool.Bits() > bits {
		return netip.Prefix{}, fmt.Errorf("pool %s: a class with seat %d needs a /%d of IPv4", pool, highestSeat, bits)
	}
	size := uint32(1) << (32 - bits)
	first := toInt(pool.Masked().Addr())
	for i := range uint32(1) << (bits - pool.Bits()) {
		piece := netip.PrefixFrom(toAddr(first+i*size), bits)
		if !overlaps(piece, taken) {
			return piece, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("pool %s: no free /%d: %w", pool, bits, ErrFull)
}

func overlaps(p netip.Prefix, taken []netip.Prefix) bool {
	for _, t := range taken {
		if t.IsValid() && p.Overlaps(t) {
			return true
		}
	}
	return false
}

// Address is where a seat's sandbox is in its instance's network.
func Address(subnet netip.Prefix, seat int) (netip.Addr, error) {
	if !subnet.IsValid() || !subnet.Addr().Is4() {
		return netip.Addr{}, fmt.Errorf("subnet %s: not of IPv4", subnet)
	}
	if room := 1<<(32-subnet.Bits()) - reserved; seat < 0 || seat > room {
		return netip.Addr{}, fmt.Errorf("seat %d: the network %s has room for seats 0 to %d", seat, subnet, room)
	}
	return toAddr(toInt(subnet.Masked().Addr()) + 2 + uint32(seat)), nil
}

// Bridge is the host's own address in a network: the first.
func Bridge(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

// Gateway is the address of a gateway that is attached to the network: the last before the broadcast address.
func Gateway(subnet netip.Prefix) netip.Addr {
	return toAddr(toInt(subnet.Masked().Addr()) + 1<<(32-subnet.Bits()) - 2)
}

// The uids of sandboxes begin above those of people and services, and each has a thousand.
const (
	firstUID    = 100000
	uidsOfASeat = 1000
)

// UIDBase is the first of the thousand uids that belong to the sandbox at an address of the pool. Two addresses of one
// pool never share a uid. It is 0, which nobody can mistake for a base, when the address is not in the pool.
func UIDBase(pool netip.Prefix, address netip.Addr) int {
	if !pool.Contains(address) || pool.Bits() < 12 { // beyond a /12 the last uid would not fit into 32 bits
		return 0
	}
	index := toInt(address) - toInt(pool.Masked().Addr())
	return firstUID + uidsOfASeat*int(index)
}

func toInt(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func toAddr(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}
