package handoff

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair makes the two ends of a connection for packets: one's own, and a file, by that name, that a child inherits.
func Pair(name string) (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), name)
	conn, err := FileConn(os.NewFile(uintptr(fds[0]), name))
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// unread is how much of a byte stream waits in the kernel for whoever does not read; Linux doubles it. It is the writer's
// memory, and one gateway writes thousands of streams: by default it would be 208 kB for each.
const unread = 8 << 10

// Stream makes the two ends of a byte stream: one's own, and the one that is to be handed over.
func Stream() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	for _, fd := range fds {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, unread) // it works without, too
	}
	theirs := os.NewFile(uintptr(fds[1]), "handed over")
	conn, err := FileConn(os.NewFile(uintptr(fds[0]), "stream"))
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// FileConn makes a connection out of one end, which it closes.
func FileConn(file *os.File) (*net.UnixConn, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name(), err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("%s: the descriptor is a %T", file.Name(), conn)
	}
	return unixConn, nil
}

// Send writes one packet with at most one file attached. The kernel copies the descriptor: file stays the caller's.
func Send(conn *net.UnixConn, packet any, file *os.File) error {
	text, rights, err := pack(packet, file)
	if err != nil {
		return err
	}
	if rights == nil {
		_, err = conn.Write(text)
		return err
	}
	_, _, err = conn.WriteMsgUnix(text, rights, nil)
	return err
}

// SendNow is Send that does not wait: when whoever receives leaves no room for another packet, the error is EAGAIN. Some
// two hundred find room.
func SendNow(conn *net.UnixConn, packet any, file *os.File) error {
	text, rights, err := pack(packet, file)
	if err != nil {
		return err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) {
		sent = unix.Sendmsg(int(fd), text, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	})
	return errors.Join(err, sent)
}

func pack(packet any, file *os.File) (text, rights []byte, err error) {
	if text, err = json.Marshal(packet); err != nil {
		return nil, nil, err
	}
	if len(text) > MaxPacket {
		return nil, nil, fmt.Errorf("a packet of %d bytes, the limit is %d: %w", len(text), MaxPacket, syscall.EMSGSIZE)
	}
	if file == nil {
		return text, nil, nil
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	// Control, not Fd: Fd would make the file, and with it the receiver's, blocking.
	err = raw.Control(func(fd uintptr) { rights = unix.UnixRights(int(fd)) })
	return text, rights, err
}

// mostRights is how many descriptors one packet can bring (SCM_MAX_FD): what there is no room for the kernel would close as
// it is.
const mostRights = 253

// Receive reads one packet into buffer, which has room for one byte more than MaxPacket, and the file that came with it,
// nil if none did.
func Receive(conn *net.UnixConn, buffer []byte) (packet []byte, file *os.File, err error) {
	oob := make([]byte, unix.CmsgSpace(4*mostRights))
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
			// Who made a TCP socket may have closing it wait, for hours (socket(7), SO_LINGER): a thread of ours, each.
			_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{}) // others have none
			files = append(files, os.NewFile(uintptr(fd), "handed over"))
		}
	}
	return files
}

// Listener accepts the connections that are offered on a connection for packets, as *Conn. What is offered while nobody
// accepts waits in the kernel, up to what the socket's buffer holds.
type Listener struct{ conn *net.UnixConn }

// Listen makes one, which owns conn.
func Listen(conn *net.UnixConn) *Listener { return &Listener{conn} }

// Accept waits for the next sound offer.
func (l *Listener) Accept() (net.Conn, error) {
	buffer := make([]byte, MaxPacket+1)
	for {
		packet, file, err := Receive(l.conn, buffer)
		switch {
		case errors.Is(err, syscall.EMSGSIZE):
			continue
		case err != nil:
			return nil, err
		}
		if conn, err := offered(packet, file); err == nil {
			return conn, nil
		}
	}
}

func offered(packet []byte, file *os.File) (*Conn, error) {
	c := new(Conn)
	if file == nil {
		return nil, errors.New("an offer of nothing")
	}
	if err := Parse(packet, &c.Offer); err != nil {
		_ = file.Close()
		return nil, err
	}
	var err error
	c.Conn, err = FileConn(file)
	return c, err
}

// Close ends accepting.
func (l *Listener) Close() error { return l.conn.Close() }

// Addr is no address that anybody could dial.
func (l *Listener) Addr() net.Addr { return l.conn.LocalAddr() }
