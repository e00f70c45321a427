package plan

import (
	"fmt"
	"slices"
	"strings"

	"maillab/internal/engine"
)

// Facts say anew what the labels of other resources said, and cannot say any more without those being made anew. New ones
// are created before anything is done that they speak of; then the old ones go.

// newFacts is the step that creates them, if one does.
func (d *diff) newFacts() []ID {
	for _, r := range d.desired {
		if r.Kind == engine.Facts {
			return []ID{stepID(Create, r)}
		}
	}
	return nil
}

// replaced tells whether r are facts in the place of which others are desired.
func (d *diff) replaced(r engine.Resource) bool { return r.Kind == engine.Facts && d.newFacts() != nil }

// replacements plans that the old facts go.
func (d *diff) replacements() {
	for _, r := range d.actual {
		if _, wanted := d.verdicts[keyOf(r)]; d.replaced(r) && !wanted {
			d.add(Remove, r, "others are in force", nil, d.newFacts()...)
		}
	}
}

// whatIsNew says in words what facts change.
func (d *diff) whatIsNew(facts engine.Resource) string {
	var what []string
	for _, g := range []struct{ label, text, none string }{
		{engine.LabelHost, "students are told to connect to %s", "where the doors listen"},
		{engine.LabelExpires, "expires %s", "never"},
	} {
		if want := facts.Labels[g.label]; want != d.said(g.label) {
			what = append(what, fmt.Sprintf(g.text+", not %s", named(want, g.none), named(d.said(g.label), g.none)))
		}
	}
	for _, s := range []struct{ label, text string }{{engine.LabelDoors, "doors of %s"}, {engine.LabelStudent, "students of %s"}} {
		if ids := d.saysOther(facts, s.label); len(ids) > 0 {
			what = append(what, fmt.Sprintf(s.text, shortened(ids)))
		}
	}
	if len(what) == 0 {
		return "what labels say"
	}
	return strings.Join(what, "; ")
}

// said is what the resources that are there say of the whole instance.
func (d *diff) said(label string) string {
	for _, r := range d.actual {
		if value := r.Labels[label]; value != "" && r.Kind != engine.Facts {
			return value
		}
	}
	return ""
}

func named(value, none string) string {
	if value == "" {
		return none
	}
	return value
}

// saysOther are the sandboxes of which facts say something else than their own labels.
func (d *diff) saysOther(facts engine.Resource, label string) []string {
	var ids []string
	for _, r := range d.actual {
		want, known := facts.Labels[engine.SeatLabel(label, r.Seat)]
		if r.Kind == engine.Sandbox && known && want != r.Labels[label] {
			ids = append(ids, r.ID())
		}
	}
	return ids
}

// shortened keeps a class from filling the line.
func shortened(ids []string) string {
	if len(ids) <= 3 {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(slices.Clone(ids[:2]), ", "), len(ids)-2)
}
