package cli

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"maillab/internal/instance"
)

// publishing is where the doors are to be: as told, as they are, as they were, as the lab says, or where there is room.
func publishing(ctx context.Context, u *upping, f upFlags, w instance.Wish, ephemeral int, free instance.Free) (instance.Publishing, error) {
	p := instance.Publishing{Mode: u.lab.Publish.Mode, Listen: u.lab.Publish.Listen, Base: u.lab.Publish.Base}
	last, err := u.lastPublished(f, p.Listen)
	if err != nil {
		return p, err
	}
	p.Listen = cmp.Or(f.listen, last.Listen, p.Listen)
	if _, err := netip.ParseAddr(p.Listen); err != nil {
		return p, usagef("--listen %s: not an IP address, such as 127.0.0.1 or 0.0.0.0", p.Listen)
	}
	if f.fleeting.run != "" {
		p.Mode = "ports"
		if u.host != "" && f.listen == "" {
			p.Listen = "0.0.0.0" // the machine is another, or seen from within a container
		}
	}
	if p.Mode == "addresses" {
		return addresses(ctx, u, p, w, free)
	}
	if f.base != 0 {
		p.Base = f.base
		return p, nil
	}
	if p.Mode != "ports" {
		return p, nil
	}
	if base, ok := u.existing.Base(); ok {
		p.Base = base
		return p, nil
	}
	p.Base, err = newBase(ctx, p, last.Base, f.fleeting.run != "", w, ephemeral, free)
	return p, err
}

// lastPublished is where the last up put the doors. When that is not known, an instance that is up and does not listen
// where the lab says was told so. A fleeting instance has no last time: nobody would expect that it is open to a network.
func (u *upping) lastPublished(f upFlags, listen string) (instance.Published, error) {
	if f.fleeting.alone {
		return instance.Published{}, nil
	}
	kept, err := u.folder.Published()
	if err != nil {
		return instance.Published{}, err
	}
	if kept != nil {
		return *kept, nil
	}
	if at, ok := u.existing.Listen(); ok && at != listen {
		return instance.Published{Listen: at}, nil
	}
	return instance.Published{}, nil
}

// asPublished is what of it the next up is to know. Where the doors listen as the lab says, they follow the lab.
func asPublished(p instance.Publishing, listen string) instance.Published {
	kept := instance.Published{Base: p.Base}
	if p.Listen != listen {
		kept.Listen = p.Listen
	}
	return kept
}

// newBase is the base of an instance of which nothing runs: the last one if it is free, so that what is printed on
// sheets stays true, else the first that is.
func newBase(ctx context.Context, p instance.Publishing, last int, anywhere bool, w instance.Wish, ephemeral int, free instance.Free) (int, error) {
	seats := make([]int, len(w.Specs))
	for i, s := range w.Specs {
		seats[i] = s.Seat
	}
	from := func(base int) (int, error) {
		p.Base = base
		return instance.FreeBase(ctx, p, seats, w.Specs[0].Services, ephemeral, free)
	}
	low := p.Base
	switch {
	case last != 0:
		if base, err := from(last); err == nil && base == last {
			return base, nil
		}
	case anywhere: // the lab's is good enough where nothing is free above that
		if base, err := from(randomBase(low, slices.Max(seats))); err == nil {
			return base, nil
		}
	}
	return from(low)
}
