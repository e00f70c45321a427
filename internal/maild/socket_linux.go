package maild

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// What linux/sock_diag.h and linux/inet_diag.h say, see sock_diag(7).
const (
	sockDiagByFamily = 20
	diagRequestLen   = 56 // struct inet_diag_req_v2
	diagAnswerLen    = 72 // struct inet_diag_msg
	diagID           = 4  // where struct inet_diag_sockid begins in an answer; 8 in a request
	diagUID          = 64
	tcpEstablished   = 1
)

// socketOwner asks the kernel whose socket a TCP connection of this machine has at its end from. Not ok: it is closed, or
// the kernel does not tell.
func socketOwner(from, to netip.AddrPort) (uid int, ok bool) {
	conn, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	if err != nil {
		return 0, false
	}
	defer conn.Close()
	answers, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: sockDiagByFamily, Flags: netlink.Request}, Data: diagRequest(from, to),
	})
	if err != nil || len(answers) != 1 {
		return 0, false
	}
	return diagOwner(answers[0].Data, to.Port())
}

// diagRequest asks for one socket: its own address and its peer's.
func diagRequest(from, to netip.AddrPort) []byte {
	b := make([]byte, diagRequestLen)
	b[0], b[1] = unix.AF_INET, unix.IPPROTO_TCP
	if from.Addr().Is6() {
		b[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(b[4:], 1<<tcpEstablished)
	binary.BigEndian.PutUint16(b[8:], from.Port())
	binary.BigEndian.PutUint16(b[10:], to.Port())
	copy(b[12:28], from.Addr().AsSlice())
	copy(b[28:44], to.Addr().AsSlice())
	binary.NativeEndian.PutUint64(b[48:], ^uint64(0)) // INET_DIAG_NOCOOKIE
	return b
}

// diagOwner reads the answer. The kernel falls back on a listener of that port, which is not the socket that was asked for.
func diagOwner(b []byte, peerPort uint16) (uid int, ok bool) {
	if len(b) < diagAnswerLen || b[1] != tcpEstablished || binary.BigEndian.Uint16(b[diagID+2:]) != peerPort {
		return 0, false
	}
	return int(binary.NativeEndian.Uint32(b[diagUID:])), true
}
