//go:build linux

package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"maillab/internal/handoff"
)

// EnvDescriptors is the environment variable that tells maild what it has inherited: "smtp:3,control:9,broker:10,spec:11".
const EnvDescriptors = "MAILLAB_LISTENERS"

// Names of descriptors that are not listeners.
const (
	DescriptorBroker = "broker" // the socket of this package
	DescriptorSpec   = "spec"   // a file holding the spec as JSON, without password hashes; empty when there is none yet
	// What comes through the gateway, see handoff.Listener; every maild gets the same two.
	DescriptorMail    = "mail"
	DescriptorControl = "control"
	// The name server's own, in a lab between servers: a listener, and a socket for packets (127.0.0.1, port 53).
	DescriptorNames   = "names"
	DescriptorPackets = "name-packets"
	// The two sockets in which maild parks the mailbox that it rewrites, see mbox.Parking; every maild gets the same.
	DescriptorParkIn  = "park-in"
	DescriptorParkOut = "park-out"
)

// Inherited is what labinit hands to a maild that it starts.
type Inherited struct {
	// Listeners by name: smtp pop3 imap (25 110 143), for the sandbox's own programs. A service that is off has none.
	Listeners map[string]net.Listener
	Names     net.Listener   // nil: no name server
	Packets   net.PacketConn // nil: no name server
	Mail      net.Listener   // handed-on connections of those services
	Control   net.Listener   // and those for control
	Broker    *Client
	ParkIn    *os.File
	ParkOut   *os.File
	Spec      []byte // nil when there is none yet: serve control only and wait for Configure
}

// Inherit takes over what the value of EnvDescriptors names. It works once: the descriptors are owned from then on.
func Inherit(value string) (Inherited, error) {
	fds, err := parseDescriptors(value)
	if err != nil {
		return Inherited{}, err
	}
	in := Inherited{Listeners: map[string]net.Listener{}}
	var errs []error
	for name, fd := range fds {
		if err := in.take(name, os.NewFile(uintptr(fd), name)); err != nil {
			errs = append(errs, fmt.Errorf("inherited descriptor %s:%d: %w", name, fd, err))
		}
	}
	for name, missing := range map[string]bool{
		DescriptorBroker: in.Broker == nil, DescriptorMail: in.Mail == nil, DescriptorControl: in.Control == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s names no %s", EnvDescriptors, name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		in.close()
		return Inherited{}, err
	}
	return in, nil
}

func (in *Inherited) take(name string, file *os.File) error {
	switch name {
	case DescriptorBroker, DescriptorMail, DescriptorControl:
		conn, err := handoff.FileConn(file)
		if err != nil {
			return err
		}
		switch name {
		case DescriptorMail:
			in.Mail = handoff.Listen(conn)
		case DescriptorControl:
			in.Control = handoff.Listen(conn)
		default:
			in.Broker = NewClient(conn)
		}
		return nil
	case DescriptorParkIn:
		in.ParkIn = file
		return nil
	case DescriptorParkOut:
		in.ParkOut = file
		return nil
	case DescriptorSpec:
		defer file.Close()
		text, err := readBody(file)
		if len(text) > 0 {
			in.Spec = text
		}
		return err
	}
	defer file.Close() // what is made of it has a copy of its own
	if name == DescriptorPackets {
		var err error
		in.Packets, err = net.FilePacketConn(file)
		return err
	}
	l, err := net.FileListener(file)
	if err != nil {
		return err
	}
	if name == DescriptorNames {
		in.Names = l
		return nil
	}
	in.Listeners[name] = l
	return nil
}

func (in *Inherited) close() {
	for _, l := range in.Listeners {
		_ = l.Close()
	}
	if in.Packets != nil {
		_ = in.Packets.Close()
	}
	for _, l := range []net.Listener{in.Mail, in.Control, in.Names} {
		if l != nil {
			_ = l.Close()
		}
	}
	if in.Broker != nil {
		_ = in.Broker.Close()
	}
}

func parseDescriptors(value string) (map[string]int, error) {
	fds := map[string]int{}
	for _, pair := range strings.Split(value, ",") {
		name, number, _ := strings.Cut(pair, ":")
		fd, err := strconv.Atoi(number)
		if name == "" || err != nil || fd < 3 {
			return nil, fmt.Errorf("%s: %q is not NAME:DESCRIPTOR", EnvDescriptors, pair)
		}
		if _, twice := fds[name]; twice {
			return nil, fmt.Errorf("%s names %s twice", EnvDescriptors, name)
		}
		fds[name] = fd
	}
	return fds, nil
}
