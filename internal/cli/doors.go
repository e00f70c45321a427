package cli

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/lab"
)

// bridged tells whether the gateway is to be in the instance's network: as told, as it is, or as the engine can.
func bridged(u *upping, f upFlags) (bool, error) {
	can := u.engine.Capabilities()
	switch {
	case f.gateway == "bridge" && !can.System:
		return false, usagef("--gateway bridge: engine %s has no networks", can.Name)
	case f.gateway == "host" && can.Bridge:
		return false, usagef("--gateway host: engine %s has no host networking: %s", can.Name, can.Missing)
	case f.gateway == "host", f.gateway == "bridge":
		return f.gateway == "bridge", nil
	case f.gateway != "":
		return false, usagef("--gateway is host or bridge, not %q", f.gateway)
	}
	return can.Bridge || u.existing.Bridge, nil
}

// addresses takes the part of the pool that the instance has, else the first that is free.
func addresses(ctx context.Context, u *upping, p instance.Publishing, w instance.Wish, free instance.Free) (instance.Publishing, error) {
	var err error
	if p.Pool, err = netip.ParsePrefix(u.lab.Publish.Pool); err != nil {
		return p, err
	}
	if skip, ok := u.existing.Skip(p.Pool); ok {
		p.Skip = skip
		return p, nil
	}
	seats := make([]int, len(w.Specs))
	for i, s := range w.Specs {
		seats[i] = s.Seat
	}
	p.Skip, err = instance.FreeSkip(ctx, p, seats, w.Specs[0].Services, free)
	return p, err
}

// freeDoors finds what is in the way of doors, and the first port that the system gives away by itself. On an engine that
// is on another machine only other instances can be seen.
func freeDoors(u *upping, all []instance.Instance) (free instance.Free, ephemeral int) {
	if remoteHost(u.engine) != "" {
		return instance.FreeDoors(all, u.name, nil), 0
	}
	return instance.FreeDoors(all, u.name, instance.Here(u.engine.Capabilities().LowPorts)), instance.Ephemeral()
}

// remoteHost is the machine on which an engine runs, "" when it is this one.
func remoteHost(e engine.Engine) string {
	if r, ok := e.(interface{ RemoteHost() string }); ok {
		return r.RemoteHost()
	}
	return ""
}

// withGone adds, to what instances have by their labels, the doors that the instance's own gateway still holds for
// sandboxes that somebody removed: they are not in its way.
func withGone(ctx context.Context, u *upping, all []instance.Instance) []instance.Instance {
	if !u.existing.Gateway {
		return all
	}
	ctx, cancel := context.WithTimeout(ctx, gatewayPatience)
	defer cancel()
	client := instance.Connect(u.engine, u.name)
	defer client.Close()
	doors, err := client.Doors(ctx)
	if err != nil {
		return all // it does not serve: it holds nothing
	}
	own := instance.Instance{Name: u.name}
	for _, t := range doors.Sandboxes {
		own.Sandboxes = append(own.Sandboxes, instance.Sandbox{Seat: t.Seat, Target: t})
	}
	return append(slices.Clone(all), own)
}

// gatewayPatience bounds how long a gateway may take to say what doors it has.
const gatewayPatience = 2 * time.Second

// warnClosed warns when students are told to connect to a machine whose doors only that machine itself reaches.
func (a *app) warnClosed(u *upping) {
	if u.host == "" || u.host == "localhost" {
		return
	}
	if ip, err := netip.ParseAddr(u.host); err == nil && ip.IsLoopback() {
		return
	}
	for _, t := range u.desired.Doors.Sandboxes {
		if len(t.Doors) > 0 { // all of a class listen on one address
			d := t.Doors[0]
			if at, err := netip.ParseAddrPort(d.Listen); err != nil || !at.Addr().IsLoopback() {
				return
			}
			fmt.Fprintf(a.Err, "warning: students are told to connect to %s, and the doors listen on %s there, which only that machine reaches; "+
				"--listen 0.0.0.0 lets its network in\n", u.host, d.Listen)
			return
		}
	}
}

// warnOpen warns of doors that a network reaches while the passwords are on everybody's sheet.
func (a *app) warnOpen(u *upping) {
	open := ""
	for _, t := range u.desired.Doors.Sandboxes {
		for _, d := range t.Doors {
			if host, err := netip.ParseAddrPort(d.Listen); err == nil && !host.Addr().IsLoopback() {
				open = host.Addr().String()
			}
		}
	}
	for _, account := range u.lab.Accounts {
		if open != "" && account.Password != lab.Generate {
			fmt.Fprintf(a.Err, "warning: listening on %s with passwords that are printed on the sheet; "+
				"whoever reaches it can log in. The lab can say password: generate\n", open)
			return
		}
	}
}
