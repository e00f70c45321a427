package plan

import (
	"slices"

	"maillab/internal/engine"
)

// controls plans what goes through the gateway once the resources are there.
func (d *diff) controls() {
	gateway, ok := d.gateway()
	if ok {
		d.doors(gateway)
	}
	for _, r := range d.desired {
		if r.Kind == engine.Sandbox {
			d.configure(r)
		}
	}
	for _, r := range d.desired {
		if r.Kind == engine.Sandbox && (d.touched(r) || d.planned[stepID(Configure, r)] || (ok && d.touched(gateway))) {
			needs := append(d.putOf(r), stepID(Doors, gateway), stepID(Configure, r))
			d.add(Wait, r, "until every service answers", nil, needs...)
		}
	}
}

// gateway is the desired one.
func (d *diff) gateway() (engine.Resource, bool) {
	for _, r := range d.desired {
		if r.Kind == engine.Gateway {
			return r, true
		}
	}
	return engine.Resource{}, false
}

// doors plans that the gateway is told its doors: when it was not running, or has others than it should.
func (d *diff) doors(gateway engine.Resource) {
	want, known := d.want[DoorsSeat]
	reason := ""
	switch {
	case d.touched(gateway):
		reason = "the gateway was not running"
	case known && want != d.have[DoorsSeat], !known && d.sandboxesChange():
		reason = "gateway doors changed"
	}
	if reason != "" {
		d.add(Doors, gateway, reason, nil, append(d.putOf(gateway), d.newFacts()...)...)
	}
}

// sandboxesChange tells whether any sandbox comes, goes or is made anew.
func (d *diff) sandboxesChange() bool {
	return slices.ContainsFunc(d.steps, func(s Step) bool {
		return s.Target.Kind == engine.Sandbox && s.Action != Start
	})
}

// configure plans that a sandbox is sent its spec. One that was recreated brings its spec along on its volume.
func (d *diff) configure(r engine.Resource) {
	want, asked := d.want[r.Seat]
	have, known := d.have[r.Seat]
	reason := toldOtherwise
	switch {
	case !asked || known && want == have:
		return
	case d.verdicts[keyOf(r)].action == Create:
		reason = "new"
	case !known:
		reason = "its spec is not known"
	}
	d.add(Configure, r, reason, nil, d.throughGateway(r)...)
}

// throughGateway are the steps after which r can be reached.
func (d *diff) throughGateway(r engine.Resource) []ID {
	ids := d.putOf(r)
	if gateway, ok := d.gateway(); ok {
		ids = append(ids, append(d.putOf(gateway), stepID(Doors, gateway))...)
	}
	return ids
}

// touched tells whether a desired resource is created, started or recreated.
func (d *diff) touched(r engine.Resource) bool { return d.verdicts[keyOf(r)].action != "" }

// putOf are the steps of which one puts r, if any does.
func (d *diff) putOf(r engine.Resource) []ID {
	return []ID{stepID(Create, r), stepID(Start, r), stepID(Recreate, r)}
}
