//go:build !linux

package maild

import "net/netip"

// socketOwner cannot be asked on this system, where there are no sandboxes.
func socketOwner(_, _ netip.AddrPort) (uid int, ok bool) { return 0, false }
