//go:build !linux

package maild

import "net"

// openPort leaves a port open: who connects to it while the server is stopped is turned away.
func openPort(net.Listener, bool) {}
