package queue

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// listener is a listening TCP socket.
type listener struct {
	addr netip.AddrPort
	uid  int
}

// parseListeners reads /proc/net/tcp or tcp6 (proc(5)); lines that do not read so are left out.
func parseListeners(text []byte) (all []listener) {
	for _, line := range bytes.Split(text, []byte("\n")) {
		f := strings.Fields(string(line))
		const listening = "0A"
		if len(f) < 8 || f[3] != listening {
			continue
		}
		addr, ok := parseProcAddr(f[1])
		uid, err := strconv.Atoi(f[7])
		if ok && err == nil {
			all = append(all, listener{addr, uid})
		}
	}
	return all
}

// parseProcAddr reads 0100007F:09DD: the address in 32-bit words of the machine's byte order, the port in hexadecimal.
func parseProcAddr(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), ok
}

// ownerOf finds whose socket a connection to hostport would reach: the one bound to that very address before one bound
// to all of its family before one bound to all of IPv6, as the kernel chooses.
func ownerOf(hostport string, sockets []listener) (uid int, ok bool) {
	host, portText, err := net.SplitHostPort(hostport)
	if err != nil {
		return 0, false
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return 0, false
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return 0, false
	}
	anywhere := netip.IPv4Unspecified()
	if addr.Is6() {
		anywhere = netip.IPv6Unspecified()
	}
	for _, want := range []netip.Addr{addr, anywhere, netip.IPv6Unspecified()} {
		for _, l := range sockets {
			if l.addr == netip.AddrPortFrom(want, uint16(port)) {
				return l.uid, true
			}
		}
	}
	return 0, false
}
