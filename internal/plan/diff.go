package plan

import (
	"slices"
	"strings"

	"maillab/internal/engine"
)

// DoorsSeat is the key in want and have under which the hash of the gateway's doors stands beside the seats' specs.
const DoorsSeat = -1

// Diff is what has to be done so that actual becomes desired. Both lists are of one instance; images that are not
// desired are left alone, everything else that is not desired is removed.
//
// want is the hash of the spec that each seat shall have (and, under DoorsSeat, of the gateway's doors), have what the
// sandboxes said; a seat that is in want but said nothing is configured. A seat that is not in want is not.
func Diff(desired, actual []engine.Resource, want, have map[int]string) Plan {
	d := diff{
		desired: slices.Clone(desired), actual: slices.Clone(actual),
		want: want, have: have,
		existing: make(map[key]engine.Resource), verdicts: make(map[key]verdict), planned: make(map[ID]bool),
	}
	engine.Sort(d.desired)
	engine.Sort(d.actual)
	for _, r := range d.actual {
		d.existing[keyOf(r)] = r
	}
	for _, r := range d.desired {
		d.verdicts[keyOf(r)] = d.judge(r)
	}
	d.removals()
	d.puts()
	d.replacements()
	d.controls()
	return Plan{Steps: d.steps}
}

// key is a resource's identity within its instance.
type key struct {
	kind    engine.Kind
	seat    int
	version int
	part    string // of a volume; of an image its tag
}

func keyOf(r engine.Resource) key {
	k := key{kind: r.Kind, seat: r.Seat, version: r.Version, part: r.Part}
	if r.Image != nil {
		k.part = r.Image.Tag
	}
	return k
}

// verdict is what is to become of a desired resource. An action of "" leaves it alone.
type verdict struct {
	action Action
	reason string
}

// diff is the state of one Diff. Verdicts are given in the order of kinds, so those of what a resource stands on are
// known when it is judged.
type diff struct {
	desired, actual []engine.Resource
	want, have      map[int]string
	existing        map[key]engine.Resource
	verdicts        map[key]verdict
	steps           []Step
	planned         map[ID]bool
}

// judge decides about one desired resource.
func (d *diff) judge(r engine.Resource) verdict {
	old, there := d.existing[keyOf(r)]
	if !there {
		if r.Kind == engine.Image {
			return verdict{action: Build, reason: "missing"}
		}
		if r.Kind == engine.Facts {
			return verdict{action: Create, reason: d.whatIsNew(r)}
		}
		return verdict{action: Create, reason: "missing"}
	}
	if r.Sandbox != nil && d.verdicts[key{kind: engine.Socket}].action == Create {
		return verdict{action: Recreate, reason: "the socket on which sandboxes register was missing"}
	}
	if why := drift(r, old); why != "" {
		return verdict{action: Recreate, reason: why}
	}
	if r.Kind == engine.Sandbox {
		for _, v := range d.volumesOf(r.Seat) {
			if d.verdicts[keyOf(v)].action == Create {
				return verdict{action: Recreate, reason: "its volume " + v.Part + " was missing"}
			}
		}
	}
	if old.State == engine.Stopped || old.State == engine.Paused {
		return verdict{action: Start, reason: string(old.State)}
	}
	return verdict{}
}

func (d *diff) volumesOf(seat int) []engine.Resource {
	var found []engine.Resource
	for _, r := range d.desired {
		if r.Kind == engine.Volume && r.Seat == seat {
			found = append(found, r)
		}
	}
	return found
}

// add appends a step. Of its needs, those stay that are steps of the plan.
func (d *diff) add(a Action, r engine.Resource, reason string, cuts []string, needs ...ID) {
	var planned []ID
	for _, need := range needs {
		if d.planned[need] {
			planned = append(planned, need)
		}
	}
	id := stepID(a, r)
	d.planned[id] = true
	d.steps = append(d.steps, Step{
		ID: id, Action: a, Target: r, Seat: r.Seat, Reason: reason, Needs: planned, Cuts: cuts,
	})
}

// removals plans what goes, from what stands on others to what they stand on.
func (d *diff) removals() {
	for _, kind := range []engine.Kind{engine.Filter, engine.Web, engine.Sandbox, engine.Volume, engine.Facts, engine.Gateway, engine.Socket} {
		for _, r := range d.actual {
			_, wanted := d.verdicts[keyOf(r)]
			if r.Kind != kind || wanted || d.replaced(r) {
				continue
			}
			d.add(Remove, r, d.unwanted(r), d.cut(r), d.standingOn(r)...)
		}
	}
}

// unwanted says why r is not desired: its seat was dropped, or the whole instance goes.
func (d *diff) unwanted(r engine.Resource) string {
	goesOn := slices.ContainsFunc(d.desired, func(o engine.Resource) bool { return o.Kind == engine.Sandbox })
	if goesOn && (r.Kind == engine.Sandbox || r.Kind == engine.Volume) {
		return "no longer in the class"
	}
	return "not wanted any more"
}

// standingOn are the steps that remove what stands on r: a sandbox on its volumes, all containers on the socket.
func (d *diff) standingOn(r engine.Resource) []ID {
	var ids []ID
	for _, o := range d.actual {
		switch {
		case r.Kind == engine.Volume && o.Kind == engine.Sandbox && o.Seat == r.Seat,
			r.Kind == engine.Socket && slices.Contains([]engine.Kind{engine.Sandbox, engine.Gateway, engine.Web, engine.Filter}, o.Kind):
			ids = append(ids, stepID(Remove, o))
		}
	}
	return ids
}

// cut are the students whose sessions end when r is removed. All of a class's sessions run through the gateway.
func (d *diff) cut(r engine.Resource) []string {
	var students []string
	for _, o := range d.actual {
		through := r.Kind == engine.Gateway || (r.Kind == engine.Sandbox && o.Seat == r.Seat)
		if through && o.Kind == engine.Sandbox && r.State == engine.Running && o.State == engine.Running {
			students = append(students, studentsOf(o)...)
		}
	}
	slices.Sort(students)
	return slices.Compact(students)
}

// studentsOf are the roster keys in one sandbox's label.
func studentsOf(r engine.Resource) []string {
	return strings.FieldsFunc(r.Labels[engine.LabelStudent], func(c rune) bool { return c == ',' })
}

// puts plans what is built, created, started and recreated. The gateway comes before the volumes and sandboxes: once it
// has its doors, each sandbox is configured as soon as it runs.
func (d *diff) puts() {
	for _, r := range d.desired {
		v := d.verdicts[keyOf(r)]
		switch {
		case v.action == Recreate:
			d.add(Recreate, r, v.reason, d.cut(d.existing[keyOf(r)]), append(d.under(r), d.standingOn(r)...)...)
		case v.action != "":
			d.add(v.action, r, v.reason, nil, d.under(r)...)
		}
	}
}

// under are the steps that make what r stands on.
func (d *diff) under(r engine.Resource) []ID {
	if r.Sandbox == nil {
		return nil
	}
	ids := []ID{ID("build image " + r.Sandbox.Image), "create socket"}
	if r.Kind == engine.Sandbox {
		for _, v := range d.volumesOf(r.Seat) {
			ids = append(ids, stepID(Create, v))
		}
	}
	return ids
}
