package maild

import (
	"net"
	"syscall"
)

// backlog is how many connections wait to be accepted (listen(2)).
const backlog = 4096

// openPort opens or closes the port of a listener without letting it go: it is below 1024, and who bound it has given that right
// up. On Linux shutdown(2) ends listening, and listen(2) begins it again on the same port,
// if that is one that was asked for.
func openPort(l net.Listener, open bool) {
	conn, is := l.(syscall.Conn)
	if !is {
		return
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if open {
			err = syscall.Listen(int(fd), backlog)
		} else {
			err = syscall.Shutdown(int(fd), syscall.SHUT_RD)
		}
	})
}
