package plan

import (
	"fmt"

	"maillab/internal/engine"
)

// class is a small description of an instance, from which the tests make resources.
type class struct {
	students []string // index + 1 is the seat, "" is a seat that is not taken
	image    string
	doors    string // put into every sandbox's doors
	forward  bool   // the engine forwards to the gateway
	shift    int    // added to the number of every sandbox's range of uids
	facts    int    // how often facts were said anew
}

func small(students ...string) class {
	return class{students: students, image: "maillab/sandbox:1", doors: "10000"}
}

func (c class) resources() []engine.Resource {
	rs := []engine.Resource{
		{Kind: engine.Image, Image: &engine.ImageSpec{Tag: c.image}},
		labelled(engine.Resource{Kind: engine.Socket, Instance: "i"}),
	}
	gateway := engine.Resource{Kind: engine.Gateway, Instance: "i", Sandbox: &engine.SandboxSpec{Image: c.image}}
	if c.forward {
		gateway.Sandbox.Publish = map[int]string{10000: "127.0.0.1:10125"}
	}
	rs = append(rs, labelled(gateway))
	for i, student := range c.students {
		if student != "" {
			rs = append(rs, c.seat(i+1, student)...)
		}
	}
	if c.facts > 0 {
		rs = append(rs, c.said(rs))
	}
	engine.Sort(rs)
	return rs
}

// said are the facts of a class.
func (c class) said(rs []engine.Resource) engine.Resource {
	facts := engine.Resource{Kind: engine.Facts, Instance: "i", Version: c.facts, Labels: map[string]string{}}
	for _, r := range rs {
		for _, label := range []string{engine.LabelDoors, engine.LabelStudent} {
			if r.Kind == engine.Sandbox {
				facts.Labels[engine.SeatLabel(label, r.Seat)] = r.Labels[label]
			}
		}
	}
	facts.Labels[engine.LabelHost] = "lab.example"
	return facts
}

func (c class) seat(seat int, student string) []engine.Resource {
	var rs []engine.Resource
	for _, part := range []string{"home", "mail", "state"} {
		rs = append(rs, engine.Resource{Kind: engine.Volume, Instance: "i", Seat: seat, Part: part,
			Labels: map[string]string{engine.LabelStudent: student}})
	}
	return append(rs, labelled(engine.Resource{
		Kind: engine.Sandbox, Instance: "i", Seat: seat,
		Sandbox: &engine.SandboxSpec{Image: c.image},
		Labels: map[string]string{
			engine.LabelStudent: student, engine.LabelUIDs: fmt.Sprint(100000 + 1000*(seat+c.shift)),
			engine.LabelDoors: fmt.Sprintf("smtp=127.0.0.1:%s%d", c.doors, seat),
		},
	}))
}

// labelled adds the hash.
func labelled(r engine.Resource) engine.Resource {
	if r.Labels == nil {
		r.Labels = make(map[string]string)
	}
	r.Labels[engine.LabelSpec] = Hash(r)
	return r
}

// specs gives every taken seat, and the doors, one hash.
func (c class) specs(hash string) map[int]string {
	specs := map[int]string{DoorsSeat: c.doors + fmt.Sprint(len(c.students))}
	for i, student := range c.students {
		if student != "" {
			specs[i+1] = hash
		}
	}
	return specs
}

// running is what an engine observes when all of rs is there.
func running(rs []engine.Resource) []engine.Resource {
	var seen []engine.Resource
	for _, r := range rs {
		r.State = engine.Running
		seen = append(seen, r)
	}
	return seen
}

// without takes out what one of the given functions says yes to.
func without(rs []engine.Resource, drop ...string) []engine.Resource {
	var left []engine.Resource
next:
	for _, r := range rs {
		for _, id := range drop {
			if r.ID() == id {
				continue next
			}
		}
		left = append(left, r)
	}
	return left
}

// stopped marks some as stopped.
func stopped(rs []engine.Resource, ids ...string) []engine.Resource {
	for i := range rs {
		for _, id := range ids {
			if rs[i].ID() == id {
				rs[i].State = engine.Stopped
			}
		}
	}
	return rs
}
