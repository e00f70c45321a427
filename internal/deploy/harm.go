package deploy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/plan"
)

// leaving are those from whom a plan takes mail and homes, and who have no account any more on a server that the class shares.
func leaving(f Found, d Decision, p plan.Plan) (instance.Chosen, error) {
	var keys []string
	lost := volumesLost(p)
	for _, s := range f.Existing.Sandboxes {
		for _, key := range s.Students {
			if lost[s.Seat] || s.Seat == 0 && !slices.Contains(d.Students[0], key) {
				keys = append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		return instance.Chosen{}, nil
	}
	return f.Existing.Choose(f.Existing.People(f.Seats), keys)
}

func volumesLost(p plan.Plan) map[int]bool {
	lost := map[int]bool{}
	for _, s := range p.Steps {
		if s.Action == plan.Remove && s.Target.Kind == engine.Volume {
			lost[s.Seat] = true
		}
	}
	return lost
}

// harm says in words what a plan takes away from students: mail and homes, accounts on a server that they share, sessions; ""
// when nothing.
func (o Outcome) harm(p plan.Plan) string {
	var harm []string
	if names := lostBy(p); len(names) > 0 {
		harm = append(harm, "removes the mail and homes of "+strings.Join(names, ", "))
	} else if len(o.Leaving.People) > 0 {
		harm = append(harm, "takes the accounts of "+strings.Join(o.Leaving.Keys(), ", ")+" from the server")
	}
	if cut := p.Cuts(); len(cut) > 0 {
		harm = append(harm, "ends the sessions of "+strings.Join(cut, ", "))
	}
	return strings.Join(harm, ", and ")
}

// lostBy names whose volumes a plan removes.
func lostBy(p plan.Plan) (names []string) {
	for _, s := range p.Steps {
		if s.Action == plan.Remove && s.Target.Kind == engine.Volume {
			names = append(names, cmp.Or(s.Target.Labels[engine.LabelStudent], fmt.Sprintf("seat %d", s.Seat)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
