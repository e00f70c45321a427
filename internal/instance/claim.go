package instance

import (
	"net/netip"
	"strconv"

	"maillab/internal/control"
	"maillab/internal/engine"
)

// Claim is what a seat has that no other may have at the same time.
type Claim struct {
	Doors []control.Door
	UIDs  int  // the first of its range; 0: none
	Built bool // its sandbox is there
}

// uidRange is how many uids a seat has, from firstUID on.
const (
	uidRange = 1000
	firstUID = 100000
)

// claim reads what the facts in force claim, and what the sandboxes do of which no facts speak.
func (i *Instance) claim() {
	facts := factsOf(i.Resources)[i.Name].Labels
	for label, value := range facts {
		for _, known := range []string{engine.LabelDoors, engine.LabelUIDs} {
			if seat, ok := engine.OfSeat(label, known); ok {
				i.note(seat, known, value)
			}
		}
	}
	i.claimPage(facts)
	i.claimMesh()
	for _, r := range i.Resources {
		if r.Kind != engine.Sandbox {
			continue
		}
		for _, known := range []string{engine.LabelDoors, engine.LabelUIDs} {
			if _, said := facts[engine.SeatLabel(known, r.Seat)]; !said {
				i.note(r.Seat, known, r.Labels[known])
			}
		}
		c := i.Claims[r.Seat]
		c.Built = true
		i.Claims[r.Seat] = c
	}
}

// claimPage reads where the page is.
func (i *Instance) claimPage(facts map[string]string) {
	c := Claim{}
	for _, r := range i.Resources {
		c.Built = c.Built || r.Kind == engine.Gateway
		if at := r.Labels[engine.LabelWeb]; at != "" && (facts == nil || r.Kind == engine.Facts) {
			listen, _ := pageAt(at)
			c.Doors = []control.Door{{Service: "web", Listen: listen}}
		}
	}
	if c.Doors != nil {
		i.Claims[control.WebSeat] = c
	}
}

func (i *Instance) note(seat int, label, value string) {
	c := i.Claims[seat]
	if label == engine.LabelDoors {
		c.Doors = parseDoors(value)
	} else {
		c.UIDs, _ = strconv.Atoi(value)
	}
	i.Claims[seat] = c
}

// before tells who of two that claim the same came first.
func (i Instance) before(o Instance) bool {
	if i.Created.Equal(o.Created) {
		return i.Name < o.Name
	}
	return i.Created.Before(o.Created)
}

// givesWay tells whether i lets go of what both a seat of its own and a seat of other's claim. Everybody puts the claim (facts)
// first, then looks, then builds, then looks again; so of two at least one sees the other, and
//   - who sees that the other has built gives way while he himself has not: the other may have looked for the last time;
//   - otherwise who came second gives way: the other, who has not built yet or had the same to look at, sees it too.
//
// It may happen that both give way; then both choose again.
func (i Instance) givesWay(mine Claim, other Instance, theirs Claim) bool {
	return !mine.Built && theirs.Built || other.before(i)
}

// Others are what the other instances claim and i, whose own claims count, does not get.
type Others struct {
	doors map[uint16][]taken // by port
	uids  map[int]bool
}

type taken struct {
	at netip.Addr
	by string
}

// Others finds them among all instances.
func (i Instance) Others(all []Instance) Others {
	o := Others{doors: map[uint16][]taken{}, uids: map[int]bool{}}
	for _, other := range all {
		if other.Name == i.Name {
			continue
		}
		for _, theirs := range other.Claims {
			for _, d := range theirs.Doors {
				at, err := netip.ParseAddrPort(d.Listen)
				if err == nil && !i.keeps(other, theirs, func(c Claim) bool { return c.Listens(at) }) {
					o.doors[at.Port()] = append(o.doors[at.Port()], taken{at.Addr(), other.Name})
				}
			}
			if theirs.UIDs != 0 && !i.keeps(other, theirs, func(c Claim) bool { return c.UIDs == theirs.UIDs }) {
				o.uids[theirs.UIDs] = true
			}
		}
	}
	return o
}

// keeps tells whether one of i's own claims is the same as another's, and stays.
func (i Instance) keeps(other Instance, theirs Claim, same func(Claim) bool) bool {
	for _, mine := range i.Claims {
		if same(mine) && !i.givesWay(mine, other, theirs) {
			return true
		}
	}
	return false
}

// Listens tells whether nobody else can listen there.
func (c Claim) Listens(at netip.AddrPort) bool {
	for _, d := range c.Doors {
		if own, err := netip.ParseAddrPort(d.Listen); err == nil && own.Port() == at.Port() && overlap(own.Addr(), at.Addr()) {
			return true
		}
	}
	return false
}

// overlap tells whether two cannot listen on one port.
func overlap(a, b netip.Addr) bool { return a == b || a.IsUnspecified() || b.IsUnspecified() }

// Door tells which other instance is in the way of a door, "" when none is.
func (o Others) Door(listen string) string {
	at, err := netip.ParseAddrPort(listen)
	if err != nil {
		return ""
	}
	for _, t := range o.doors[at.Port()] {
		if overlap(t.at, at.Addr()) {
			return t.by
		}
	}
	return ""
}

// UIDs gives every seat a range of uids: the one that it has, else the lowest that nobody has.
func (i Instance) UIDs(seats []int, others Others) map[int]int {
	ranges, used := map[int]int{}, map[int]bool{}
	for _, seat := range seats {
		if has := i.Claims[seat].UIDs; has != 0 && !others.uids[has] && !used[has] {
			ranges[seat], used[has] = has, true
		}
	}
	next := firstUID
	for _, seat := range seats {
		if ranges[seat] != 0 {
			continue
		}
		for used[next] || others.uids[next] {
			next += uidRange
		}
		ranges[seat], used[next] = next, true
	}
	return ranges
}
