// Package proxyproto is version 2 of the PROXY protocol, as far as a gateway and the sandboxes behind it need it: TCP
// over IPv4 and IPv6, and LOCAL for the gateway's own probes. The format is described in
// https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt, section 2.2.
//
// It is spoken only on ports that nobody but the gateway reaches, so a missing header is an error, never a guess.
package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
)

const (
	signature = "\r\n\r\n\x00\r\nQUIT\n"
	headerLen = len(signature) + 4

	cmdLocal = 0x20 // version 2, LOCAL: the connection is the proxy's own
	cmdProxy = 0x21

	familyTCP4 = 0x11
	familyTCP6 = 0x21

	// maxBody bounds what a header may announce: two IPv6 addresses and ports are 36 bytes, the rest is extensions.
	maxBody = 536
)

// ErrHeader is what a connection without a sound header gets.
var ErrHeader = errors.New("no PROXY protocol header")

// Header is what a proxy says of a connection. Local is its own; otherwise From is the peer.
type Header struct {
	Local    bool
	From, To netip.AddrPort
}

// Append appends the header's bytes.
func (h Header) Append(b []byte) []byte {
	b = append(b, signature...)
	if h.Local {
		return append(b, cmdLocal, 0, 0, 0)
	}
	from, to := h.From.Addr().Unmap(), h.To.Addr().Unmap()
	family := byte(familyTCP4)
	if !from.Is4() || !to.Is4() {
		family = familyTCP6
		from, to = netip.AddrFrom16(from.As16()), netip.AddrFrom16(to.As16())
	}
	b = append(b, cmdProxy, family)
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(from.AsSlice())+4))
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, h.From.Port())
	return binary.BigEndian.AppendUint16(b, h.To.Port())
}

// Read reads exactly one header and nothing behind it.
func Read(r io.Reader) (Header, error) {
	var fixed [headerLen]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if !bytes.HasPrefix(fixed[:], []byte(signature)) {
		return Header{}, ErrHeader
	}
	size := binary.BigEndian.Uint16(fixed[headerLen-2:])
	if size > maxBody {
		return Header{}, fmt.Errorf("%w: %d bytes of addresses", ErrHeader, size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	command, family := fixed[len(signature)], fixed[len(signature)+1]
	switch {
	case command == cmdLocal:
		return Header{Local: true}, nil
	case command == cmdProxy && family == familyTCP4 && len(body) >= 12:
		return addresses(body, 4), nil
	case command == cmdProxy && family == familyTCP6 && len(body) >= 36:
		return addresses(body, 16), nil
	}
	return Header{}, fmt.Errorf("%w: command %#x, family %#x, %d bytes", ErrHeader, command, family, size)
}

// addresses reads two addresses of n bytes and their ports.
func addresses(body []byte, n int) Header {
	from, _ := netip.AddrFromSlice(body[:n])
	to, _ := netip.AddrFromSlice(body[n : 2*n])
	return Header{
		From: netip.AddrPortFrom(from.Unmap(), binary.BigEndian.Uint16(body[2*n:])),
		To:   netip.AddrPortFrom(to.Unmap(), binary.BigEndian.Uint16(body[2*n+2:])),
	}
}

// AddrPort is a connection end's address; the zero value where it is none of TCP's.
func AddrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}
