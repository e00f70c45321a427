//go:build linux

package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"maillab/internal/between"
	"maillab/internal/handoff"
)

// Neighbour implements Neighbours: there is bob, who says one line.
func (b *backend) Neighbour(_ context.Context, to, service string) (*os.File, between.Server, error) {
	bob := between.Server{Domain: "bob.lab", Address: netip.MustParseAddr("198.18.0.2")}
	switch {
	case to != bob.Domain:
		return nil, between.Server{}, fmt.Errorf("neighbour: %w", syscall.ENOENT)
	case service == "":
		return nil, bob, nil
	case service != between.SMTP:
		return nil, bob, fmt.Errorf("neighbour: %w", syscall.ECONNREFUSED)
	}
	ours, theirs, err := handoff.Stream()
	if err != nil {
		return nil, bob, err
	}
	defer ours.Close()
	_, err = fmt.Fprint(ours, "220 mx.bob.lab\r\n")
	return theirs, bob, err
}

// TestNeighbour: a neighbour's connection has its address; whose server it is can be asked without one; and what fails says so.
func TestNeighbour(t *testing.T) {
	o := open(t)
	conn, who, err := o.Neighbour(t.Context(), "bob.lab", between.SMTP)
	if err != nil || who.Domain != "bob.lab" || conn.RemoteAddr().String() != "198.18.0.2:25" {
		t.Fatalf("%v, %v, %v", conn, who, err)
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "220 mx.bob.lab\r\n" {
		t.Errorf("%q, %v", line, err)
	}
	if conn, who, err := o.Neighbour(t.Context(), "bob.lab", ""); conn != nil || who.Address.String() != "198.18.0.2" || err != nil {
		t.Errorf("who it is: %v, %v, %v", conn, who, err)
	}
	if _, _, err := o.Neighbour(t.Context(), "carol.lab", between.SMTP); !errors.Is(err, between.ErrNobody) {
		t.Errorf("nobody: %v", err)
	}
	if _, _, err := o.Neighbour(t.Context(), "bob.lab", between.DNS); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("one that is down: %v", err)
	}
}
