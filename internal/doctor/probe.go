package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/login"
	"maillab/internal/probe"
)

// Probe makes all the attempts to break out of the first sandbox of an instance; say is told each before it is made.
func Probe(ctx context.Context, i deploy.Running, say func(probe.Probe)) ([]engine.Finding, error) {
	switch can := i.Engine.Capabilities(); {
	case !can.Isolated:
		return nil, fmt.Errorf("engine %s has no sandboxes to break out of", can.Name)
	case len(i.Sandboxes) < 2:
		return nil, &deploy.RefusedError{Err: fmt.Errorf("%s has one sandbox only: probing needs a neighbour", i.Name)}
	}
	w := &world{client: i.Client(), sandboxes: map[int]instance.Sandbox{}}
	defer w.client.Close()
	for _, s := range i.Sandboxes[:2] {
		w.sandboxes[s.Seat] = s
	}
	place, done, err := place(ctx, i, w.client)
	if err != nil {
		return nil, err
	}
	defer done()
	results, err := probe.Run(ctx, w, probe.Matrix(place), i.Sandboxes[0].Seat, i.Sandboxes[1].Seat, say)
	if err != nil {
		return nil, err
	}
	var found []engine.Finding
	for _, r := range results {
		found = append(found, judged(r))
	}
	return found, nil
}

// place is what the first two sandboxes are beside, and a listener on all of this machine's addresses that would answer.
func place(ctx context.Context, i deploy.Running, c *control.Client) (probe.Place, func(), error) {
	first, second := i.Sandboxes[0], i.Sandboxes[1]
	p := probe.Place{Names: []string{fmt.Sprintf("maillab-%s-%d", i.Name, second.Seat), fmt.Sprintf("maillab-%s-gateway", i.Name)}}
	status, err := c.Seat(first.Seat).Status(ctx)
	if err != nil {
		return p, nil, err
	}
	if len(status.Accounts) > 1 {
		p.Other = status.Accounts[1].Name
	}
	for _, d := range second.Target.Doors {
		if at, err := netip.ParseAddrPort(d.Listen); err == nil && !at.Addr().IsLoopback() && !at.Addr().IsUnspecified() {
			p.Doors = append(p.Doors, d.Listen)
		}
		if _, port, err := net.SplitHostPort(d.Listen); err == nil {
			p.Ports = append(p.Ports, port)
		}
	}
	if deploy.HostOf(i.Engine) != "" {
		return p, func() {}, nil
	}
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return p, nil, err
	}
	p.Ports = append(p.Ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	p.Host = machineAddresses()
	return p, func() { l.Close() }, nil
}

// machineAddresses are this machine's.
func machineAddresses() []string {
	var all []string
	addresses, _ := net.InterfaceAddrs() // those that cannot be seen are not probed
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() {
			all = append(all, prefix.Addr().String())
		}
	}
	return all
}

// world is the sandboxes that are probed. It implements probe.World.
type world struct {
	client    *control.Client
	sandboxes map[int]instance.Sandbox
}

// Run logs in as the sandbox's student, once for each command: under load that is a part of what must work.
func (w *world) Run(ctx context.Context, seat int, command string) (string, int, error) {
	s := w.sandboxes[seat]
	var out strings.Builder
	script := "sh -c '" + strings.ReplaceAll(command, "'", `'\''`) + "' </dev/null"
	exit, err := login.Run(ctx, w.client, s, s.Name(), "", script, nil, &out, &out)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out.String(), exit, err
}

// Answers dials every service once, as a probe.
func (w *world) Answers(ctx context.Context, seat int) error {
	probes, err := w.client.Seat(seat).Probe(ctx)
	for _, p := range probes {
		if p.Error != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", p.Service, p.Error))
		}
	}
	return err
}

func judged(r probe.Result) engine.Finding {
	detail := map[probe.Kind]string{
		probe.Denied: "denied", probe.Works: "works", probe.Load: "the neighbour does not notice, the sandbox comes back",
	}[r.Kind]
	f := engine.Finding{Level: engine.Good, What: r.Group + ": " + r.Name, Detail: detail}
	if r.Err != nil {
		f.Level, f.Detail = engine.Bad, r.Err.Error()
		f.Mend = "report it; until it is mended, do not give sandboxes on this machine to people whom you do not trust"
	}
	return f
}
