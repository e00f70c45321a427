package instance

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"maillab/internal/control"
	"maillab/internal/spec"
)

// Ports read like the standard ones: base + perSeat*seat + offset, and in a later block block + perSeat*(seat − the block's
// first seat + 1) + offset.
const perSeat = 100

// Block is a run of seats whose ports follow one another. The first block of an instance is its base, with 1 as its first seat.
type Block struct {
	Base  int `json:"base"`
	First int `json:"first"` // seat
}

// slot is the first port of a seat's hundred.
func (b Block) slot(seat int) int { return b.Base + perSeat*(seat-b.First+1) }

// offsets of the services, in the order in which they are listed everywhere.
var offsets = [...]struct {
	service string
	offset  int
}{{"ssh", 22}, {"smtp", 25}, {"pop3", 10}, {"imap", 43}}

// standard ports, where each seat has an address of its own.
var standard = [...]int{22, 25, 110, 143}

// Publishing says where a class's doors are.
type Publishing struct {
	Mode   string       // ports, addresses or none
	Listen string       // address, in mode ports
	Blocks []Block      // in mode ports, by their first seats
	Base   int          // in mode addresses: where the page's port counts from
	Pool   netip.Prefix // in mode addresses: seat n has the n-th address of it, counted from its first
	Skip   int          // in mode addresses: so many addresses of the pool are left out before
	Only   []string     // services that have doors; nil: all that run
}

// Open are those of the services that have doors.
func (p Publishing) Open(on spec.Services) spec.Services {
	if p.Only == nil {
		return on
	}
	var open spec.Services
	for _, name := range p.Only {
		switch name {
		case "ssh":
			open.SSH = on.SSH
		case "smtp":
			open.SMTP = on.SMTP
		case "pop3":
			open.POP3 = on.POP3
		case "imap":
			open.IMAP = on.IMAP
		}
	}
	return open
}

// doors of one seat for the services that are on.
func (p Publishing) doors(seat int, on spec.Services) ([]control.Door, error) {
	has := map[string]bool{"ssh": on.SSH != nil, "smtp": on.SMTP != nil, "pop3": on.POP3 != nil, "imap": on.IMAP != nil}
	var doors []control.Door
	for i, o := range offsets {
		if !has[o.service] {
			continue
		}
		listen, err := p.listen(seat, o.offset, standard[i])
		if err != nil {
			return nil, err
		}
		if listen != "" {
			doors = append(doors, control.Door{Service: o.service, Listen: listen})
		}
	}
	return doors, nil
}

func (p Publishing) listen(seat, offset, port int) (string, error) {
	switch p.Mode {
	case "none":
		return "", nil
	case "addresses":
		address := advance(p.Pool.Masked().Addr(), p.Skip+max(seat, 1))
		if !p.Pool.Contains(address) {
			return "", fmt.Errorf("seat %d has no address in %v", seat, p.Pool)
		}
		return net.JoinHostPort(address.String(), strconv.Itoa(port)), nil
	}
	n := blockOf(p.Blocks, seat).slot(seat) + offset
	if n > highest {
		return "", fmt.Errorf("seat %d would need port %d: take a lower base, or publish mode addresses", seat, n)
	}
	return net.JoinHostPort(p.Listen, strconv.Itoa(n)), nil
}

// highest is the last port that there is.
const highest = 65535

// blockOf is the block that a seat is in: the last that begins at it or before.
func blockOf(blocks []Block, seat int) (in Block) {
	for _, b := range blocks {
		if in == (Block{}) || b.First <= seat {
			in = b
		}
	}
	return in
}

// blocksOf are the blocks that ports of seats are in.
func blocksOf(slots map[int]int) (blocks []Block) {
	for _, seat := range slices.Sorted(maps.Keys(slots)) {
		switch in := blockOf(blocks, seat); {
		case len(blocks) == 0:
			blocks = append(blocks, Block{Base: slots[seat] - perSeat*seat, First: 1})
		case in.slot(seat) != slots[seat]:
			blocks = append(blocks, Block{Base: slots[seat] - perSeat, First: seat})
		}
	}
	return blocks
}

// advance is the address n after a; the zero address, which is in no pool, where there is none.
func advance(a netip.Addr, n int) netip.Addr {
	sum := new(big.Int).SetBytes(a.AsSlice())
	sum.Add(sum, big.NewInt(int64(n)))
	if sum.BitLen() > a.BitLen() {
		return netip.Addr{}
	}
	next, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, a.BitLen()/8)))
	return next
}

// distance undoes advance, as far as an int goes.
func distance(a, b netip.Addr) int {
	n := new(big.Int).SetBytes(b.AsSlice())
	n.Sub(n, new(big.Int).SetBytes(a.AsSlice()))
	if !n.IsInt64() || n.Int64() > math.MaxInt {
		return 0
	}
	return int(n.Int64())
}

// reach is what a student is told for a listen address: host where it was given, else the address itself, or this
// machine's name when it listens everywhere.
func reach(listen, host string) string {
	address, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if host == "" {
		host = address
		if ip, err := netip.ParseAddr(address); err == nil && ip.IsUnspecified() {
			host, _ = os.Hostname()
		}
	}
	return net.JoinHostPort(host, port)
}

// slotOf undoes Block.slot for a door; standard ports belong to mode addresses.
func slotOf(d control.Door) (int, bool) {
	_, port, err := net.SplitHostPort(d.Listen)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0, false
	}
	for i, o := range offsets {
		if o.service == d.Service && n != standard[i] {
			return n - o.offset, true
		}
	}
	return 0, false
}
