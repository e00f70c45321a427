package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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

// blockStep is how far blocks are from one another: they stay round, and a block begins where the one before it ends.
const blockStep = 1000

// Room is what ports can be had: from the first that anybody may ask for, to before limit, and free.
type Room struct {
	Limit int // the first port that the system gives away by itself; 0: not known
	Free  Free

	used []int // hundreds that seats of the same class have by now
}

// NoRoomError is a class that does not fit.
type NoRoomError struct {
	Students, Fit int // how many do
	From, Limit   int
	Base          int // from where on all would fit; 0: from nowhere
	Taken         error
}

func (e *NoRoomError) Error() string {
	mend := "publish mode addresses, or take an instance down that is not needed (maillab ls)"
	if e.Base > 0 {
		mend = fmt.Sprintf("--base %d has room for all, or %s", e.Base, mend)
	}
	if e.Taken != nil {
		return fmt.Sprintf("no ports are free for %d sandboxes: %v; of %d that are wanted %d fit from %d on: %s", e.Students-e.Fit, e.Taken, e.Students, e.Fit, e.From, mend)
	}
	return fmt.Sprintf("this machine's ephemeral range starts at %d, and a class of %d wants its ports below it: from %d on at most %d fit: %s",
		e.Limit, e.Students, e.From, e.Fit, mend)
}

// Place gives every seat its ports, in the blocks that there are, else in new ones from base on. A block goes on as long as
// what follows is free, so that a class has room to grow; who outgrows it begins another. Only is for a base that is asked for:
// there is no other block.
func (p Publishing) Place(seats []int, on spec.Services, have []Block, base int, only bool, room Room) (Publishing, error) {
	p.Blocks = nil
	if only {
		have = []Block{{Base: base, First: 1}}
	}
	seats = slices.Sorted(slices.Values(seats))
	for n, seat := range seats {
		next, last := blockOf(have, seat), blockOf(p.Blocks, seat)
		if len(have) == 0 || len(p.Blocks) > 0 && last.First >= next.First {
			next = last
		}
		taken := errors.New("no block")
		if next != (Block{}) {
			taken = room.taken(p, next, seat, on)
		}
		if taken != nil && only {
			return p, room.full(p, seats, n, on, base, taken)
		}
		if taken != nil {
			first := seat
			if n == 0 {
				first = 1
			}
			b, err := room.block(p, seats[n:], first, on, base)
			if err != nil {
				return p, room.full(p, seats, n, on, base, err)
			}
			next = b
		}
		if next != last {
			p.Blocks = append(p.Blocks, next)
		}
		room.used = append(room.used, next.slot(seat))
	}
	return p, nil
}

// taken tells why a seat cannot have its ports in a block, nil when it can.
func (r Room) taken(p Publishing, b Block, seat int, on spec.Services) error {
	p.Blocks = []Block{b}
	if slot := b.slot(seat); slot < 0 || r.Limit > 0 && slot+perSeat > r.Limit {
		return errLimit
	}
	if slices.ContainsFunc(r.used, func(used int) bool { return b.slot(seat) < used+perSeat && used < b.slot(seat)+perSeat }) {
		return errLimit
	}
	doors, err := p.doors(seat, on)
	if err != nil {
		return errLimit
	}
	for _, d := range doors {
		if r.Free == nil {
			break
		}
		if err := r.Free(d.Listen); err != nil {
			return fmt.Errorf("seat %d: %s for %s: %w", seat, d.Listen, d.Service, err)
		}
	}
	return nil
}

// errLimit is the end of the ports.
var errLimit = errors.New("ports end there")

// block finds one in which all these seats have room, else the one in which most have.
func (r Room) block(p Publishing, seats []int, first int, on spec.Services, base int) (best Block, err error) {
	most := 0
	for b := (Block{Base: base, First: first}); b.slot(seats[0]) < cmp.Or(r.Limit, highest); b.Base += blockStep {
		fit := 0
		for _, seat := range seats {
			taken := r.taken(p, b, seat, on)
			if taken != nil && taken != errLimit && err == nil {
				err = taken
			}
			if taken != nil {
				break
			}
			fit++
		}
		if fit > most {
			best, most = b, fit
		}
		if fit == len(seats) {
			break
		}
	}
	if most > 0 {
		return best, nil
	}
	return best, cmp.Or(err, errLimit)
}

// full says that from the n-th on the seats do not fit, how many do, and where all would.
func (r Room) full(p Publishing, seats []int, n int, on spec.Services, base int, taken error) error {
	r.used = nil
	e := &NoRoomError{Students: len(seats), Fit: n, From: base, Limit: cmp.Or(r.Limit, highest+1), Taken: taken}
	if errors.Is(taken, errLimit) {
		e.Taken = nil
	}
	for low := (e.Limit - 1) / blockStep * blockStep; low >= blockStep && e.Base == 0; low -= blockStep {
		b := Block{Base: max(low, lowest), First: 1}
		if !slices.ContainsFunc(seats, func(seat int) bool { return r.taken(p, b, seat, on) != nil }) {
			e.Base = b.Base
		}
	}
	return e
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
	for _, t := range d.Doors.Targets() {
		if err := checkEphemeral(t.Doors, ephemeral); err != nil {
			return err
		}
		for _, door := range t.Doors {
			if err := free(door.Listen); err != nil {
				return fmt.Errorf("%s: %s for %s: %w", t.Name(), door.Listen, door.Service, err)
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
		if n := portOf(d.Listen); first > 0 && n >= first {
			return fmt.Errorf("port %d for %s is in this machine's ephemeral range, which starts at %d: "+
				"take a lower base, publish mode addresses, or a smaller class", n, d.Service, first)
		}
	}
	return nil
}

// Skip is how many addresses of a pool are left out before those of the instance; false when its doors are not there.
func (i Instance) Skip(pool netip.Prefix) (int, bool) {
	for _, seat := range slices.Sorted(maps.Keys(i.Claims)) {
		doors := i.Claims[seat].Doors
		if len(doors) == 0 {
			continue
		}
		at, err := netip.ParseAddrPort(doors[0].Listen)
		if err != nil || !pool.Contains(at.Addr()) {
			return 0, false
		}
		before := distance(pool.Masked().Addr(), at.Addr()) - max(seat, 1)
		return before, before >= 0
	}
	return 0, false
}
