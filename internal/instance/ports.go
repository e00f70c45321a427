package instance

import (
	"fmt"
	"math"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strconv"

	"maillab/internal/control"
	"maillab/internal/spec"
)

// Ports read like the standard ones: base + perSeat*seat + offset.
const (
	perSeat     = 100
	defaultBase = 10000
)

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
	Base   int          // in mode ports
	Pool   netip.Prefix // in mode addresses: seat n has the n-th address of it, counted from its first
	Skip   int          // in mode addresses: so many addresses of the pool are left out before
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
	n := p.Base + perSeat*seat + offset
	if n > 65535 {
		return "", fmt.Errorf("seat %d would need port %d: take a lower base, or publish mode addresses", seat, n)
	}
	return net.JoinHostPort(p.Listen, strconv.Itoa(n)), nil
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

// baseOf undoes Publishing.listen for ports; standard ports belong to mode addresses.
func baseOf(seat int, d control.Door) (int, bool) {
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
			return n - perSeat*seat - o.offset, true
		}
	}
	return 0, false
}
