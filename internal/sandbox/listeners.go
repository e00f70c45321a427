//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"maillab/internal/broker"
	"maillab/internal/handoff"
	"maillab/internal/spec"
)

// door is one listener: its name, as maild knows it, and its port.
type door struct {
	name    string
	address net.TCPAddr
	on      func(*spec.Sandbox) bool
}

// doors are all listeners that there can be. They follow from the design; a lab cannot move them. All are for the
// sandbox's own programs, as there is no interface but loopback; other people come through the gateway.
func doors() []door {
	return []door{
		{"smtp", net.TCPAddr{Port: 25}, func(s *spec.Sandbox) bool { return s.Services.SMTP != nil }},
		{"pop3", net.TCPAddr{Port: 110}, func(s *spec.Sandbox) bool { return s.Services.POP3 != nil }},
		{"imap", net.TCPAddr{Port: 143}, func(s *spec.Sandbox) bool { return s.Services.IMAP != nil }},
		{handoff.SSH, net.TCPAddr{Port: 22}, func(s *spec.Sandbox) bool { return s.Services.SSH != nil }},
		{broker.DescriptorNames, nameAddress(), hasNames},
	}
}

// nameAddress is where a sandbox in a lab between servers has its name server, on UDP, too: its own programs are told of it.
func nameAddress() net.TCPAddr { return net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53} }

func hasNames(s *spec.Sandbox) bool { return s.Between != nil }

// adjustPackets opens what name servers have besides a listener, or closes it.
func adjustPackets(open *net.UDPConn, s *spec.Sandbox) (*net.UDPConn, error) {
	on, at := hasNames(s), nameAddress()
	switch {
	case on && open == nil:
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Port: at.Port})
		if err != nil {
			return nil, fmt.Errorf("packets of the name server: %w", err)
		}
		return conn, nil
	case !on && open != nil:
		return nil, open.Close()
	}
	return open, nil
}

// listeners are the open ones, by name. They outlive maild: what connects while there is none waits in their queues.
type listeners map[string]*net.TCPListener

// adjust opens what is on and not open, and closes what is off.
func (ls listeners) adjust(s *spec.Sandbox) error {
	var errs []error
	for _, d := range doors() {
		l, open := ls[d.name]
		switch on := d.on(s); {
		case on && !open:
			errs = append(errs, ls.open(d))
		case !on && open:
			errs = append(errs, l.Close())
			delete(ls, d.name)
		}
	}
	return errors.Join(errs...)
}

func (ls listeners) open(d door) error {
	l, err := net.ListenTCP("tcp", &d.address)
	if err != nil {
		return fmt.Errorf("listener %s: %w", d.name, err)
	}
	ls[d.name] = l
	return nil
}

func (ls listeners) closeAll() {
	for name, l := range ls {
		_ = l.Close()
		delete(ls, name)
	}
}

// bundle is the files that a child inherits, in the order of their descriptors from 3 on.
type bundle struct {
	names []string
	files []*os.File
}

func (b *bundle) add(name string, file *os.File) {
	b.names = append(b.names, name)
	b.files = append(b.files, file)
}

// env is the variable that tells the child which is which.
func (b *bundle) env() string {
	var pairs []string
	for i, name := range b.names {
		pairs = append(pairs, fmt.Sprintf("%s:%d", name, 3+i))
	}
	return broker.EnvDescriptors + "=" + strings.Join(pairs, ",")
}

func (b *bundle) close() {
	for _, f := range b.files {
		_ = f.Close()
	}
}

// addCopy adds a copy of a file, by its name.
func (b *bundle) addCopy(file *os.File) error {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	b.add(file.Name(), os.NewFile(uintptr(fd), file.Name()))
	return nil
}

// addAll adds copies of all of maild's listeners, sorted by name.
func (b *bundle) addAll(ls listeners) error {
	var names []string
	for name := range ls {
		if name != handoff.SSH {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		file, err := ls[name].File()
		if err != nil {
			return fmt.Errorf("listener %s: %w", name, err)
		}
		b.add(name, file)
	}
	return nil
}

// addPackets adds a copy of the name server's socket for packets.
func (b *bundle) addPackets(conn *net.UDPConn) error {
	file, err := conn.File()
	if err != nil {
		return fmt.Errorf("packets of the name server: %w", err)
	}
	b.add(broker.DescriptorPackets, file)
	return nil
}
