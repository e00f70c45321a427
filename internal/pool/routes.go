package pool

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// Routes reads Linux's /proc/net/route (man 5 proc: a header, then a line a route; destination in the second and mask
// in the eighth column, hexadecimal in the host's byte order, which is taken to be little endian) and returns the
// ranges that are routed somewhere. Default routes are left out: they overlap everything and mean nothing.
func Routes(r io.Reader) ([]netip.Prefix, error) {
	lines := bufio.NewScanner(r)
	lines.Scan() // the header
	var routes []netip.Prefix
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 8 {
			return nil, fmt.Errorf("route %q: fewer than 8 columns", lines.Text())
		}
		destination, err1 := word(fields[1])
		mask, err2 := word(fields[7])
		ones := bits.LeadingZeros32(^mask)
		if err1 != nil || err2 != nil || mask != ^uint32(0)<<(32-ones) {
			return nil, fmt.Errorf("route %q: not an address and a mask", lines.Text())
		}
		if ones > 0 {
			routes = append(routes, netip.PrefixFrom(toAddr(destination), ones).Masked())
		}
	}
	return routes, lines.Err()
}

// word reads eight hexadecimal digits, least significant byte first.
func word(hexadecimal string) (uint32, error) {
	n, err := strconv.ParseUint(hexadecimal, 16, 32)
	if err != nil || len(hexadecimal) != 8 {
		return 0, fmt.Errorf("%q is not eight hexadecimal digits", hexadecimal)
	}
	return binary.LittleEndian.Uint32(binary.BigEndian.AppendUint32(nil, uint32(n))), nil
}
