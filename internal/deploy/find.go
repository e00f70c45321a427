package deploy

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// gatewayPatience bounds how long a gateway may take to say what doors it has.
const gatewayPatience = 2 * time.Second

// found is what there is for a request: on the chosen engine, in the folder, on this machine.
func (c Carrier) found(ctx context.Context, folder instance.Folder, r Request, s Survey, e engine.Engine) (f Found, err error) {
	f = Found{Can: e.Capabilities(), Remote: HostOf(e), All: s.all(), Filter: c.Filter, Token: rand.Text, Random: mathrand.IntN}
	if f.Can.System {
		f.Image = c.Image()
	}
	for _, i := range s.Named(r.Name) {
		if i.Engine == e {
			f.Existing = i.Instance
		}
	}
	f.Existing.Name = r.Name
	if f.Seats, err = folder.Seats(); err != nil {
		return f, err
	}
	if f.Published, err = folder.Published(); err != nil {
		return f, err
	}
	if f.Instead, err = folder.Instead(); err != nil {
		return f, err
	}
	if f.Passwords, err = folder.Passwords(); err != nil {
		return f, err
	}
	issued, err := folder.Certificates()
	if err != nil {
		return f, err
	}
	f.Certificates = &issued
	if f.Secrets, err = folder.Secrets(); err != nil {
		return f, err
	}
	if f.Remote == "" {
		f.Ephemeral, f.Try = c.Ephemeral, c.Try
		if f.Try == nil {
			f.Ephemeral, f.Try = instance.Ephemeral(), instance.Here(f.Can.LowPorts)
		}
		if _, ok := e.(interface{ RemoteHost() string }); ok {
			f.Visible = visibleFrom(os.Stat, os.ReadFile, net.InterfaceByName)
		}
	}
	var mesh control.Mesh
	f.InForce, mesh = inForce(ctx, f.Existing, e)
	f.Lost = mesh.Lost
	for _, n := range mesh.Nodes {
		f.Picture = append(f.Picture, n.ID)
	}
	if s, ok := e.(engine.Spreader); ok && f.Existing.Gateway {
		f.Nodes, err = s.Nodes(ctx, r.Name)
	}
	return f, err
}

// inForce are the doors that the instance's gateway has open, those for sandboxes that somebody removed among them, and what it
// knows of nodes.
func inForce(ctx context.Context, i instance.Instance, e engine.Engine) (open []instance.Claim, mesh control.Mesh) {
	if !i.Gateway {
		return nil, mesh
	}
	ctx, cancel := context.WithTimeout(ctx, gatewayPatience)
	defer cancel()
	client := instance.Connect(e, i.Name)
	defer client.Close()
	doors, err := client.Doors(ctx)
	if err != nil {
		return nil, mesh // it does not serve: it holds nothing
	}
	for _, t := range doors.Targets() {
		open = append(open, instance.Claim{Doors: t.Doors})
	}
	if doors.Mesh != nil {
		mesh = *doors.Mesh
	}
	return open, mesh
}

// visibleFrom is the address of the machine on which the container that we are in runs: its default route. It is "" when we
// are in none, and when Docker's own bridge is here, because then the daemon's network is ours.
func visibleFrom(stat func(string) (os.FileInfo, error), read func(string) ([]byte, error), named func(string) (*net.Interface, error)) string {
	if _, err := stat("/.dockerenv"); err != nil {
		return ""
	}
	if _, err := named("docker0"); err == nil {
		return ""
	}
	text, err := read("/proc/net/route")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != "00000000" {
			continue
		}
		var b [4]byte // in the machine's byte order, which is little-endian wherever Docker runs
		if _, err := fmt.Sscanf(fields[2], "%02X%02X%02X%02X", &b[3], &b[2], &b[1], &b[0]); err == nil {
			return net.IP(b[:]).String()
		}
	}
	return ""
}

// Render decides what an instance would be that others bring up: on a machine where everything is free. What it has decided is
// kept in a folder of renderings.
func Render(ctx context.Context, h *instance.Held, r Request) (Decision, error) {
	seats, err := h.Seats()
	if err != nil {
		return Decision{}, err
	}
	secrets, err := h.Secrets()
	if err != nil {
		return Decision{}, err
	}
	d, err := Decide(r, Found{
		Can: engine.Capabilities{System: true, Isolated: true}, Filter: func() string { return "filter" }, Seats: seats, Secrets: secrets, Now: time.Unix(0, 0), Token: rand.Text,
	})
	if err != nil {
		return d, err
	}
	return d, h.KeepSeats(d.Given)
}
