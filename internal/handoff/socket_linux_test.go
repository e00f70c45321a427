package handoff

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNothingLingers: closing what somebody attached waits for nobody, and nothing of too much that was attached stays open.
func TestNothingLingers(t *testing.T) {
	ours, theirs, err := Pair("pair")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	sender, err := FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tcp, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	fd := int(tcp.Fd())
	for _, attached := range [][]int{{fd}, make([]int, mostRights)} {
		for i := range attached {
			attached[i] = fd
		}
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 3600}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := sender.WriteMsgUnix([]byte("{}"), unix.UnixRights(attached...), nil); err != nil {
			t.Fatal(err)
		}
		_, file, err := Receive(ours, make([]byte, MaxPacket+1))
		if tooMany := len(attached) > 1; tooMany != errors.Is(err, syscall.EMSGSIZE) || tooMany == (file != nil) {
			t.Errorf("%d attached: %v, %v", len(attached), file, err)
		}
		linger, err := unix.GetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER)
		if err != nil || linger.Onoff != 0 {
			t.Errorf("%d attached: closing waits %+v, %v", len(attached), linger, err)
		}
		if file != nil {
			file.Close()
		}
	}
}

// TestUnread: what waits for somebody who does not read is bounded, both ways.
func TestUnread(t *testing.T) {
	ours, theirs, err := Stream()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	end, err := FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	for _, conn := range []*net.UnixConn{ours, end} {
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		written := 0
		err = raw.Control(func(fd uintptr) {
			for n := 1; n > 0; written += max(n, 0) {
				n, _ = unix.Write(int(fd), make([]byte, 1<<10)) // it never waits
			}
		})
		if err != nil || written == 0 || written > 4*unread {
			t.Errorf("%d bytes wait, %v", written, err)
		}
	}
}
