//go:build linux

package sandbox

import (
	"errors"
	"net"
	"os"
	"time"

	"maillab/internal/broker"
	"maillab/internal/handoff"
)

// ends makes the sockets by which connections are handed on to maild, those of students and those for control apart: the
// ones must not keep the others waiting. maild's ends are the supervisor's, too, so that what is handed on while no maild
// runs waits for the next one.
func (s *Supervisor) ends() ([]*os.File, error) {
	shared, err := newParking()
	if err != nil {
		return nil, err
	}
	for name, end := range map[string]**net.UnixConn{broker.DescriptorMail: &s.mailEnd, broker.DescriptorControl: &s.controlEnd} {
		ours, theirs, err := handoff.Pair(name)
		if err != nil {
			return nil, err
		}
		*end = ours
		shared = append(shared, theirs)
	}
	return shared, nil
}

// handOn takes a connection from the gateway and gives it to whom it is for. When maild leaves no room it is closed.
func (s *Supervisor) handOn(offer handoff.Offer, file *os.File) {
	defer file.Close()
	end := s.mailEnd
	switch offer.Service {
	case handoff.SSH:
		s.sshd.serve(file, offer.Peer.Remote.Addr())
		return
	case handoff.Control:
		end = s.controlEnd
	}
	if err := handoff.SendNow(end, offer, file); err != nil {
		s.log.Warn("a connection is not taken", "service", offer.Service, "peer", peerName(offer.Peer.Remote.Addr()), "err", err)
	}
}

// serveInside serves the sandbox's own programs that connect to port 22, as long as that is open.
func (s *Supervisor) serveInside() {
	l := s.ports[handoff.SSH]
	if l == nil || l == s.inside {
		return
	}
	s.inside = l
	go func() {
		for {
			conn, err := l.AcceptTCP()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // out of descriptors, most likely: let some go
				s.log.Warn("accepting on port 22", "err", err)
				time.Sleep(50 * time.Millisecond)
				continue
			}
			s.inward(conn)
		}
	}()
}

func (s *Supervisor) inward(conn *net.TCPConn) {
	defer conn.Close()
	file, err := conn.File()
	if err != nil {
		s.log.Warn("a connection to port 22", "err", err)
		return
	}
	defer file.Close()
	s.sshd.serve(file, ownAddress()) // all are one: each could choose among millions of addresses of loopback
}
