//go:build !linux

package submit

import (
	"net"
	"os"
)

// peerUID is our own uid: away from Linux there is only the embedded engine, whose socket is its user's own.
func peerUID(net.Conn) (int, error) { return os.Getuid(), nil }
