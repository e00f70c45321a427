package deploy

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"maillab/internal/instance"
	"maillab/internal/spec"
)

// aHost is a name or an address that people can type behind ssh and telnet, and that ssh takes for no option.
var aHost = regexp.MustCompile(`^[\pL\pN_:][\pL\pN_.:%-]*$`)

// publishing is where the doors are to be: as told, as they are, as they were, as the lab says, or where there is room.
func publishing(r Request, f Found, host string, specs []spec.Sandbox) (p instance.Publishing, err error) {
	said := r.Lab.Publish
	last := lastPublished(r, f)
	p = instance.Publishing{Mode: said.Mode, Listen: cmp.Or(r.Listen, last.Listen, said.Listen), Only: said.Services}
	if _, err := netip.ParseAddr(p.Listen); err != nil {
		return p, fmt.Errorf("--listen %s: not an IP address, such as 127.0.0.1 or 0.0.0.0", p.Listen)
	}
	if host != "" && !aHost.MatchString(host) {
		return p, fmt.Errorf("--host %q: not a host name or an address", host)
	}
	if r.Run != "" {
		p.Mode, p.Only = "ports", nil // its command wants them all
		if host != "" && r.Listen == "" {
			p.Listen = "0.0.0.0" // the machine is another, or seen from within a container
		}
	}
	seats, on := seatsOf(specs), specs[0].Services
	if on = p.Open(on); !f.Can.System {
		on.SSH = nil
	}
	switch p.Mode {
	case "none":
		p.Base = cmp.Or(r.Base, said.Base)
	case "addresses":
		if f.Can.Nodes {
			return p, fmt.Errorf("publish mode addresses: on engine %s every node has the same doors, and an address is of one machine only: use mode ports", f.Can.Name)
		}
		p.Base = cmp.Or(r.Base, said.Base)
		if p.Pool, err = netip.ParsePrefix(said.Pool); err != nil {
			return p, err
		}
		if skip, ok := f.Existing.Skip(p.Pool); ok {
			p.Skip = skip
			return p, nil
		}
		p.Skip, err = instance.FreeSkip(context.Background(), p, seats, on, free(r, f))
		return p, err
	case "ports":
		return place(r, f, p, seats, on, last.Blocks)
	}
	return p, nil
}

// place gives the seats their ports: where they are, else where they were last, so that what is printed on sheets stays true.
func place(r Request, f Found, p instance.Publishing, seats []int, on spec.Services, last []instance.Block) (instance.Publishing, error) {
	base := cmp.Or(r.Base, r.Lab.Publish.Base)
	have := f.Existing.Blocks()
	room := instance.Room{Limit: f.Ephemeral, Free: free(r, f)}
	if len(have) == 0 {
		have = last
	}
	have = slices.DeleteFunc(slices.Clone(have), func(b instance.Block) bool { return f.Refused[b.Base] })
	if r.Run != "" && r.Base == 0 && len(have) == 0 && f.Random != nil {
		if room := cmp.Or(f.Ephemeral, 32768) - 100*(slices.Max(seats)+1) - base; room > 0 { // nobody reads these ports, and two that start together want others
			have = []instance.Block{{Base: base + f.Random(room), First: 1}}
		}
	}
	for f.Refused[base] && r.Base == 0 {
		base += 1000
	}
	return p.Place(seats, on, have, base, r.Base != 0, room)
}

// lastPublished is where the last up put the doors. When that is not known, an instance that is up and does not listen where
// the lab says was told so. A disposable instance has no last time: nobody would expect that it is open to a network.
func lastPublished(r Request, f Found) instance.Published {
	switch {
	case r.New:
		return instance.Published{}
	case f.Published != nil:
		return *f.Published
	}
	if at, ok := f.Existing.Listen(); ok && at != r.Lab.Publish.Listen {
		return instance.Published{Listen: at}
	}
	return instance.Published{}
}

// moved warns of doors that are not where the last up put them, because somebody else has come there: sheets say the old ones.
func moved(r Request, f Found, p instance.Publishing) []string {
	for _, was := range lastPublished(r, f).Blocks {
		if p.Mode == "ports" && r.Base == 0 && !slices.Contains(p.Blocks, was) {
			return []string{fmt.Sprintf("the ports from %d on are not free any more, and the class gets others: what was handed out says the old ones; maillab handout makes new sheets", was.Base)}
		}
	}
	return nil
}

// published is what of it the next up is to know. Where the doors listen as the lab says, they follow the lab.
func published(p instance.Publishing, listen string) instance.Published {
	kept := instance.Published{Blocks: p.Blocks}
	if p.Listen != listen {
		kept.Listen = p.Listen
	}
	return kept
}

// free tells what is in the way of a door: another instance, or somebody on this machine. The instance's own gateway is not,
// wherever it listens now: it closes doors before it opens others. As long as nobody was told of an instance, only doors that
// are open count as its own.
func free(r Request, f Found) instance.Free {
	others := f.Existing.Others(f.All)
	own := f.InForce
	if !f.Loose {
		for _, c := range f.Existing.Claims {
			own = append(slices.Clip(own), c)
		}
	}
	return func(listen string) error {
		if other := others.Door(listen); other != "" {
			return fmt.Errorf("taken by instance %s", other)
		}
		at, err := netip.ParseAddrPort(listen)
		if f.Try == nil || err == nil && slices.ContainsFunc(own, func(c instance.Claim) bool { return c.Listens(at) }) {
			return nil
		}
		return f.Try(listen)
	}
}
