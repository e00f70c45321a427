package mbox

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// NewParking makes one, for who outlives the process that uses it.
func NewParking() (*Parking, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	return &Parking{In: os.NewFile(uintptr(fds[0]), "parking"), Out: os.NewFile(uintptr(fds[1]), "parking")}, nil
}

func (p *Parking) send(f *os.File, name string) error {
	return retryEINTR(func() error {
		return unix.Sendmsg(int(p.In.Fd()), []byte(name), unix.UnixRights(int(f.Fd())), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	})
}

// receive returns nil when there is nothing. What is only looked at stays, and the descriptor is one more copy.
func (p *Parking) receive(look bool) (name string, f *os.File, err error) {
	text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	flags := unix.MSG_DONTWAIT | unix.MSG_CMSG_CLOEXEC
	if look {
		flags |= unix.MSG_PEEK
	}
	var n, r int
	err = retryEINTR(func() error {
		n, r, _, _, err = unix.Recvmsg(int(p.Out.Fd()), text, rights, flags)
		return err
	})
	if errors.Is(err, unix.EAGAIN) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:r])
	if err != nil || len(messages) != 1 {
		return "", nil, errors.Join(err, errors.New("a message without a descriptor"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return "", nil, err
	}
	return string(text[:n]), os.NewFile(uintptr(fds[0]), "parked"), nil
}
