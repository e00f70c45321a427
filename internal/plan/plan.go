// Package plan tells what has to be done so that what exists becomes what is wanted: a pure function from two lists of
// engine.Resources to an ordered list of steps. First deploy, update, repair and teardown are the same function with
// other inputs: teardown is Diff(nil, actual, nil, nil), and what is to be kept in a teardown is simply desired.
//
// A Plan is data. It holds no function, no clock and no connection; it is printed by --dry-run, compared in tests,
// marshals to JSON, and is walked by package apply.
package plan

import (
	"slices"

	"maillab/internal/engine"
)

// Action is what a step does.
type Action string

// The actions. Doors, Configure and Wait go through the instance's gateway; the others to the engine.
const (
	Build     Action = "build"     // make the sandbox image
	Create    Action = "create"    // put what is missing
	Start     Action = "start"     // put what is there but stopped
	Recreate  Action = "recreate"  // remove, then put
	Remove    Action = "remove"    // remove what is not wanted, or stands in the way
	Doors     Action = "doors"     // tell the gateway which port leads where
	Configure Action = "configure" // send a sandbox its spec
	Wait      Action = "wait"      // until every service of a sandbox answers
)

// ID names a step within its plan: its action and target, "create sandbox 3".
type ID string

// Step is one thing to do.
type Step struct {
	ID     ID
	Action Action
	// Target is the resource as it is desired or, for Remove, as it was observed. Doors have the gateway, Configure and
	// Wait a sandbox.
	Target engine.Resource
	Seat   int    // of Target; 0 too when it belongs to no seat
	Reason string // for people
	Needs  []ID   `json:",omitempty"` // earlier steps that must have succeeded
	// Cuts are the students (roster keys) whose running sessions this step ends.
	Cuts []string `json:",omitempty"`
}

// Plan is the steps in a fixed order, in which no step needs a later one.
type Plan struct {
	Steps []Step
}

// Empty tells whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// Counts tells how many steps of each action there are.
func (p Plan) Counts() map[Action]int {
	counts := make(map[Action]int)
	for _, s := range p.Steps {
		counts[s.Action]++
	}
	return counts
}

// Cuts are the students whose running sessions the plan ends, sorted, each once.
func (p Plan) Cuts() []string {
	var students []string
	for _, s := range p.Steps {
		students = append(students, s.Cuts...)
	}
	slices.Sort(students)
	return slices.Compact(students)
}

// Claims are the steps that say what will be there, and make ready for it; only is whether there are such, of something that
// is new: they are carried out first, then one looks who says the same.
func (p Plan) Claims() (claims Plan, only bool) {
	for _, s := range p.Steps {
		if s.Action == Build || s.Action == Create && s.Target.Kind == engine.Facts {
			claims.Steps = append(claims.Steps, s)
			only = only || s.Action == Create
		}
	}
	return claims, only
}

// stepID names the step that does this action to this resource.
func stepID(a Action, r engine.Resource) ID { return ID(string(a) + " " + r.ID()) }
