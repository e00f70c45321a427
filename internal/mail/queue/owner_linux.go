package queue

import "os"

// ListenerOwner asks the kernel which uid listens on a TCP address of this machine, "127.0.0.1:2525". Not ok means that
// nobody does.
func ListenerOwner(hostport string) (uid int, ok bool) {
	var sockets []listener
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if text, err := os.ReadFile(file); err == nil { // no tcp6 where IPv6 is off
			sockets = append(sockets, parseListeners(text)...)
		}
	}
	return ownerOf(hostport, sockets)
}
