package plan

import (
	"fmt"
	"strings"

	"maillab/internal/engine"
)

// String is the plan for people: a line a step, the volumes of a sandbox on one, and a line that counts.
//
//	create     socket: missing
//	recreate   sandbox 3 (carol): memory 96 → 128 MiB; ends the sessions of carol
//	2 steps: 1 create, 1 recreate
func (p Plan) String() string {
	if p.Empty() {
		return "nothing to do\n"
	}
	var b strings.Builder
	for i := 0; i < len(p.Steps); {
		n := p.alike(i)
		fmt.Fprintf(&b, "%-10s %s\n", p.Steps[i].Action, line(p.Steps[i:i+n]))
		i += n
	}
	fmt.Fprintf(&b, "%s\n", p.summary())
	return b.String()
}

// alike is how many steps from the i-th differ only in the part of a sandbox's volumes.
func (p Plan) alike(i int) int {
	first, n := p.Steps[i], 1
	for ; i+n < len(p.Steps); n++ {
		s := p.Steps[i+n]
		if s.Target.Kind != engine.Volume || first.Target.Kind != engine.Volume ||
			s.Action != first.Action || s.Seat != first.Seat || s.Reason != first.Reason {
			break
		}
	}
	return n
}

func line(steps []Step) string {
	s := steps[0]
	name := s.Target.ID()
	for _, more := range steps[1:] {
		name += ", " + more.Target.Part
	}
	if student := s.Target.Labels[engine.LabelStudent]; student != "" {
		name += " (" + strings.ReplaceAll(student, ",", ", ") + ")"
	}
	text := name + ": " + s.Reason
	if len(s.Cuts) > 0 {
		text += "; ends the sessions of " + strings.Join(s.Cuts, ", ")
	}
	return text
}

// summary counts, in the order in which actions are declared.
func (p Plan) summary() string {
	counts := p.Counts()
	var parts []string
	for _, a := range []Action{Remove, Build, Create, Start, Recreate, Doors, Configure, Wait} {
		if counts[a] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[a], a))
		}
	}
	noun := "steps"
	if len(p.Steps) == 1 {
		noun = "step"
	}
	return fmt.Sprintf("%d %s: %s", len(p.Steps), noun, strings.Join(parts, ", "))
}
