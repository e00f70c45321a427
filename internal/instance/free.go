package instance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"maillab/internal/control"
	"maillab/internal/spec"
)

// Free tells whether a door can listen at host:port; the error says why not.
type Free func(listen string) error

// FreeDoors makes a Free: not where another instance than name has a door, and not where try, if there is one, finds
// something in the way. A door of name's own counts as free.
func FreeDoors(all []Instance, name string, try Free) Free {
	own, others := map[string]bool{}, map[string]string{}
	for _, i := range all {
		for _, s := range i.Sandboxes {
			for _, d := range s.Target.Doors {
				if i.Name == name {
					own[d.Listen] = true
				} else {
					others[d.Listen] = i.Name
				}
			}
		}
	}
	return func(listen string) error {
		switch other := others[listen]; {
		case other != "":
			return fmt.Errorf("taken by instance %s", other)
		case own[listen] || try == nil:
			return nil
		}
		return try(listen)
	}
}

// errNotHere is the answer to an address that no interface has: there is no use in trying its neighbours.
var errNotHere = errors.New("this machine has no such address: take a pool of addresses that it has")

// Here is a Free that tries on this machine. Where the user may not listen under 1024 and lowPorts says that the door may
// all the same, it looks whether anybody answers there.
func Here(lowPorts bool) Free {
	return func(listen string) error {
		l, err := net.Listen("tcp", listen)
		switch {
		case err == nil:
			return l.Close()
		case errors.Is(err, syscall.EACCES) && lowPorts:
			return silent(listen)
		case errors.Is(err, syscall.EACCES):
			return errors.New("ports under 1024 are not for everybody on this machine: run maillab as root, " +
				"or allow them (sysctl net.ipv4.ip_unprivileged_port_start=0), or publish mode ports")
		case errors.Is(err, syscall.EADDRINUSE):
			return inTheWay(listen)
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			return errNotHere
		}
		return err
	}
}

// answerPatience is how long somebody on this machine may take to accept a connection.
const answerPatience = time.Second

// silent is nil when nobody accepts connections there.
func silent(listen string) error {
	conn, err := net.DialTimeout("tcp", listen, answerPatience)
	if err != nil {
		return nil
	}
	conn.Close()
	return inTheWay(listen)
}

// inTheWay names the usual one.
func inTheWay(listen string) error {
	if _, port, _ := net.SplitHostPort(listen); port == "22" {
		return errors.New("somebody listens there: if it is this machine's sshd, give it an address of its own (ListenAddress in sshd_config)")
	}
	return errors.New("somebody listens there")
}

// baseStep is how far bases are from one another: they stay round, and an instance begins where the one before it ends.
const baseStep = 1000

// FreeBase finds the first base from p's whose ports for these seats are free and below the ephemeral ones, which begin at
// the given port (0: not known).
func FreeBase(ctx context.Context, p Publishing, seats []int, on spec.Services, ephemeral int, free Free) (int, error) {
	for first := p.Base; ; p.Base += baseStep {
		highest := p.Base + perSeat*slices.Max(seats) + perSeat - 1
		if p.Base > first && ephemeral > 0 && highest >= ephemeral {
			return 0, fmt.Errorf("no base is free from %d up to this machine's ephemeral range, which starts at %d: "+
				"take an instance down that is not needed (maillab ls), choose a lower base, publish mode addresses, or a smaller class",
				first, ephemeral)
		}
		taken, err := firstTaken(ctx, p, seats, on, free)
		if err != nil {
			return 0, fmt.Errorf("no base is free: %w", err)
		}
		if taken == nil {
			return p.Base, nil
		}
	}
}

// FreeSkip finds how many addresses of the pool are left out so that those of these seats are free. It is 0 when there is
// no such place: CheckPorts then says what is in the way.
func FreeSkip(ctx context.Context, p Publishing, seats []int, on spec.Services, free Free) (int, error) {
	step := (slices.Max(seats)/50 + 1) * 50 // 127.0.10.57 is seat 7 of the second instance
	for ; ; p.Skip += step {
		taken, err := firstTaken(ctx, p, seats, on, free)
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case err != nil || errors.Is(taken, errNotHere):
			return 0, nil
		case taken == nil:
			return p.Skip, nil
		}
	}
}

// firstTaken tells why the first of the doors that is not free is not, nil when all are.
func firstTaken(ctx context.Context, p Publishing, seats []int, on spec.Services, free Free) (taken, err error) {
	for _, seat := range seats {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		doors, err := p.doors(seat, on)
		if err != nil {
			return nil, err
		}
		for _, d := range doors {
			if taken := free(d.Listen); taken != nil {
				return taken, nil
			}
		}
	}
	return nil, nil
}

// CheckPorts finds doors that could not be opened, before anything is created.
func (d Desired) CheckPorts(ephemeral int, free Free) error {
	for _, t := range d.Doors.Sandboxes {
		if err := checkEphemeral(t.Doors, ephemeral); err != nil {
			return err
		}
		for _, door := range t.Doors {
			if err := free(door.Listen); err != nil {
				return fmt.Errorf("seat %d: %s for %s: %w", t.Seat, door.Listen, door.Service, err)
			}
		}
	}
	return nil
}

// Ephemeral is the first port that the system gives to outgoing connections by itself: a door from there on could find
// its port taken at any time. 0 when the system does not tell.
func Ephemeral() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return 0
	}
	first, _ := strconv.Atoi(fields[0])
	return first
}

// checkEphemeral finds doors whose ports the system may give away.
func checkEphemeral(doors []control.Door, first int) error {
	for _, d := range doors {
		_, port, err := net.SplitHostPort(d.Listen)
		if err != nil {
			return err
		}
		if n, _ := strconv.Atoi(port); first > 0 && n >= first {
			return fmt.Errorf("port %d for %s is in this machine's ephemeral range, which starts at %d: "+
				"take a lower base, publish mode addresses, or a smaller class", n, d.Service, first)
		}
	}
	return nil
}

// Skip is how many addresses of a pool are left out before those of the instance; false when its doors are not there.
func (i Instance) Skip(pool netip.Prefix) (int, bool) {
	for _, s := range i.Sandboxes {
		if len(s.Target.Doors) == 0 {
			continue
		}
		at, err := netip.ParseAddrPort(s.Target.Doors[0].Listen)
		if err != nil || !pool.Contains(at.Addr()) {
			return 0, false
		}
		before := distance(pool.Masked().Addr(), at.Addr()) - max(s.Seat, 1)
		return before, before >= 0
	}
	return 0, false
}
