//go:build !linux

package mesh

import (
	"net"
	"time"
)

// patient has the kernel end a connection to a node that has gone.
func patient(conn net.Conn, _ time.Duration) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive)
	}
}
