//go:build linux

package broker

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair makes the two ends of a broker connection: labinit's own, and the file that maild inherits.
func Pair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("broker: socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "broker")
	conn, err := Conn(os.NewFile(uintptr(fds[0]), "broker"))
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// Conn makes a connection out of one end, which it closes.
func Conn(file *os.File) (*net.UnixConn, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("broker: the descriptor is a %T", conn)
	}
	return unixConn, nil
}

// send writes one packet with at most one file attached. The kernel copies the descriptor: file stays the caller's.
func send(conn *net.UnixConn, packet any, file *os.File) error {
	text, err := json.Marshal(packet)
	if err != nil {
		return err
	}
	if len(text) > MaxPacket {
		return fmt.Errorf("a packet of %d bytes, the limit is %d: %w", len(text), MaxPacket, syscall.EMSGSIZE)
	}
	var rights []byte
	if file != nil {
		raw, err := file.SyscallConn()
		if err != nil {
			return err
		}
		// Control, not Fd: Fd would make the file, and with it the receiver's, blocking.
		if err := raw.Control(func(fd uintptr) { rights = unix.UnixRights(int(fd)) }); err != nil {
			return err
		}
		_, _, err = conn.WriteMsgUnix(text, rights, nil)
		return err
	}
	_, err = conn.Write(text)
	return err
}

// receive reads one packet into buffer and the file that came with it, nil if none did.
func receive(conn *net.UnixConn, buffer []byte) (packet []byte, file *os.File, err error) {
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, flags, _, err := conn.ReadMsgUnix(buffer, oob)
	if err != nil {
		return nil, nil, err
	}
	files := attached(oob[:oobn])
	switch {
	case n == 0 && oobn == 0:
		return nil, nil, io.EOF
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 || len(files) > 1:
		for _, f := range files {
			_ = f.Close()
		}
		return nil, nil, fmt.Errorf("a packet that is too long or has too much attached: %w", syscall.EMSGSIZE)
	case len(files) == 1:
		file = files[0]
	}
	return buffer[:n], file, nil
}

// attached takes all descriptors out of control messages, so that none is leaked whatever was sent.
func attached(oob []byte) (files []*os.File) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "brokered"))
		}
	}
	return files
}

// bodyFile is a file in memory that holds body, to be attached to a packet.
func bodyFile(body []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("body", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	file := os.NewFile(uintptr(fd), "body")
	if _, err := file.Write(body); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("memfd: %w", err)
	}
	return file, nil
}

// readBody reads what bodyFile wrote. It takes nothing but a regular file: reading from a pipe could take for ever.
func readBody(file *os.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > MaxBody {
		return nil, fmt.Errorf("a body that is no regular file of at most %d bytes: %w", MaxBody, syscall.EMSGSIZE)
	}
	body := make([]byte, info.Size())
	if _, err := file.ReadAt(body, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return body, nil
}
