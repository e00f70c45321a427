package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"maillab/images"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/pool"
	"maillab/internal/roster"
	"maps"
	"net"
	"net/netip"
	"os/user"
	"slices"
	"time"
)

// wish fills in what is there, what is wanted, and checks that it can be had.
func (a *app) wish(ctx context.Context, u *upping, f upFlags, s source, around survey) error {
	var all []instance.Instance
	u.existing = instance.Instance{}
	for _, i := range around.instances {
		all = append(all, i.Instance)
		if i.Name == u.name {
			u.existing = i.Instance
		}
	}
	u.actual = append(slices.Clone(u.existing.Resources), around.images...)
	var err error
	if u.seats, err = u.folder.Seats(); err != nil {
		return err
	}
	maps.Copy(u.seats, u.existing.Seats()) // what runs is right
	u.seats = roster.Seats(u.seats, u.class)
	secretsOf := u.folder.Secrets
	if f.dryRun {
		secretsOf = u.folder.TrialSecrets
	}
	secrets, err := secretsOf()
	if err != nil {
		return err
	}
	if u.host = cmp.Or(f.host, u.existing.Host, hostOf(u.engine, f.fleeting.run != "")); u.host == "-" {
		u.host = ""
	}
	specs, err := lab.Compile(u.lab, u.class, u.seats, u.name, secrets)
	if err != nil {
		return usage(s.placed(err))
	}
	if err := u.folder.Overrule(specs); err != nil {
		return err
	}
	addresses, err := addressPool(u.existing, f.pool)
	if err != nil {
		return err
	}
	at, err := relays(ctx, specs, net.DefaultResolver.LookupNetIP)
	if err != nil {
		return usage(err)
	}
	w := instance.Wish{
		Relays: at,
		Name:   u.name, Topology: u.lab.Topology, Image: imageFor(u.engine), Specs: specs, Pool: addresses,
		Limits: limits(u.lab, len(u.class.Students)), Host: u.host, Owner: owner(), Created: a.Now(),
		Token: tokens(u.existing), Students: studentsBySeat(u),
		Run: f.fleeting.run, Labels: f.fleeting.labels,
	}
	if f.ttl > 0 {
		w.Expires = a.Now().Add(f.ttl)
	} else if w.Expires = u.existing.Expires; w.Expires.Before(a.Now()) {
		w.Expires = time.Time{}
	}
	if w.Subnet, err = subnet(ctx, u, addresses, specs[len(specs)-1].Seat, f.fleeting.run != ""); err != nil {
		return err
	}
	if w.Bridge, err = bridged(u, f); err != nil {
		return err
	}
	free, ephemeral := freeDoors(u, withGone(ctx, u, all))
	w.Publish, err = publishing(ctx, u, f, w, ephemeral, free)
	if err != nil && ctx.Err() == nil {
		return usage(err)
	}
	if err != nil {
		return err
	}
	u.published = asPublished(w.Publish, u.lab.Publish.Listen)
	if u.desired, err = instance.Desire(w, u.engine.Capabilities()); err != nil {
		return usage(err)
	}
	u.desired.Agree(u.existing)
	return usageIf(u.desired.CheckPorts(ephemeral, free))
}

// subnet takes the one that the instance's network has, else a free piece of our pool.
func subnet(ctx context.Context, u *upping, from netip.Prefix, highest int, fleeting bool) (netip.Prefix, error) {
	for _, r := range u.existing.Resources {
		if r.Kind == engine.Network {
			return netip.ParsePrefix(r.Labels[engine.LabelSubnet])
		}
	}
	surveyor, ok := u.engine.(engine.Subnets)
	if !ok {
		return netip.Prefix{}, nil
	}
	taken, err := surveyor.Taken(ctx)
	if err != nil {
		return netip.Prefix{}, err
	}
	if fleeting {
		if piece, err := pool.Choose(somePart(from), taken, highest); err == nil {
			return piece, nil
		}
	}
	return pool.Choose(from, taken, highest)
}

// studentsBySeat are the roster keys of each sandbox.
func studentsBySeat(u *upping) map[int][]string {
	by := map[int][]string{}
	for _, s := range u.class.Students {
		seat := u.seats[s.Key]
		if u.lab.Topology == lab.Shared {
			seat = 0
		}
		by[seat] = append(by[seat], s.Key)
	}
	return by
}

// tokens keeps the control tokens that sandboxes have, and makes new ones.
func tokens(i instance.Instance) func(seat int) string {
	has := map[int]string{}
	for _, s := range i.Sandboxes {
		has[s.Seat] = s.Target.Token
	}
	return func(seat int) string {
		if has[seat] == "" {
			has[seat] = rand.Text()
		}
		return has[seat]
	}
}

// imageFor is the sandbox image, where there is one. Its tag is a hash over twenty megabytes.
func imageFor(e engine.Engine) string {
	if !e.Capabilities().System {
		return ""
	}
	return images.Tag()
}

func limits(l *lab.Lab, class int) instance.Limits {
	scaled := l.Scaled(class)
	return instance.Limits{Memory: int64(scaled.Memory), NanoCPUs: int64(scaled.CPUs * 1e9), PIDs: int64(scaled.PIDs)}
}

// owner is who brought it up.
func owner() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
