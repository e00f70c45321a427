package mesh

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// patient has the kernel end a connection to a node that has gone: one that says nothing by probes, one on which something is on its
// way when that is not acknowledged for so long.
func patient(conn net.Conn, most time.Duration) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	_ = tcp.SetKeepAliveConfig(keepAlive)
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(most.Milliseconds()))
		})
	}
}
