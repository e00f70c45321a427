package instance

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"maillab/internal/engine"
)

// Labels do not change while what they are on lives, and some of what they say does: how long the instance lives, what
// students are told to connect to, where a sandbox's doors are, whose it is. Such terms are said anew by an empty volume
// of which nothing is kept but the labels. Its seat is -1 for the first, and one less for each that follows: the lowest
// counts, whatever older ones and the labels of the other resources say. A new one is there before an old one goes, so
// that killed in between, nothing is forgotten.

// IsTerms tells whether a resource only says such things about its instance.
func IsTerms(r engine.Resource) bool { return r.Kind == engine.Volume && r.Seat < 0 }

// termsPart names the volume.
const termsPart = "terms"

// WithoutTerms is an instance without what only speaks of it.
func WithoutTerms(resources []engine.Resource) []engine.Resource {
	return slices.DeleteFunc(slices.Clone(resources), IsTerms)
}

// termsOf are the terms in force, by instance.
func termsOf(resources []engine.Resource) map[string]engine.Resource {
	last := map[string]engine.Resource{}
	for _, r := range resources {
		if said, ok := last[r.Instance]; IsTerms(r) && (!ok || r.Seat < said.Seat) {
			last[r.Instance] = r
		}
	}
	return last
}

// general are the labels that all resources of an instance share; ofSeat those that a seat's have.
func general() []string { return []string{engine.LabelExpires, engine.LabelHost} }
func ofSeat() []string  { return []string{engine.LabelStudent, engine.LabelDoors} }

// InForce has every resource say what the terms say.
func InForce(resources []engine.Resource) []engine.Resource {
	terms, out := termsOf(resources), slices.Clone(resources)
	for i, r := range out {
		said, ok := terms[r.Instance]
		if !ok || IsTerms(r) || r.Kind == engine.Image {
			continue
		}
		labels := maps.Clone(r.Labels)
		for _, label := range general() {
			replace(labels, label, said.Labels, label)
		}
		for _, label := range ofSeat() {
			if _, has := labels[label]; has {
				replace(labels, label, said.Labels, engine.SeatLabel(label, r.Seat))
			}
		}
		out[i].Labels = labels
	}
	return out
}

// replace takes a label from others; of one seat, only when they speak of it.
func replace(labels map[string]string, label string, from map[string]string, as string) {
	value, said := from[as]
	switch {
	case said:
		labels[label] = value
	case label == as:
		delete(labels, label)
	}
}

// Agree adds terms to what is desired, when without them what is there would say something else than is desired.
func (d *Desired) Agree(existing Instance) {
	runs := WithoutTerms(existing.Resources)
	if len(runs) == 0 {
		return
	}
	said, have := termsOf(existing.Resources)[existing.Name]
	terms := newTerms(d.Resources, said.Seat-1)
	if !contradicts(runs, said, terms) {
		if !have {
			return
		}
		terms = said
	}
	d.Resources = append(d.Resources, terms)
	engine.Sort(d.Resources)
}

// contradicts tells whether resources, or the terms in force, say something else than new terms would.
func contradicts(runs []engine.Resource, said, want engine.Resource) bool {
	for _, r := range runs {
		for _, label := range general() {
			if r.Labels[label] != want.Labels[label] {
				return true
			}
		}
		for _, label := range ofSeat() {
			is, has := r.Labels[label]
			if other, ok := want.Labels[engine.SeatLabel(label, r.Seat)]; has && ok && other != is {
				return true
			}
		}
	}
	for label, value := range want.Labels { // of a seat that is empty now, and was not when they were said
		if other, ok := said.Labels[label]; ok && other != value && engine.IsSeatLabel(label) {
			return true
		}
	}
	return false
}

// newTerms say what the labels of resources say.
func newTerms(resources []engine.Resource, seat int) engine.Resource {
	terms := engine.Resource{Kind: engine.Volume, Seat: seat, Part: termsPart, State: engine.Running, Labels: map[string]string{}}
	for _, r := range resources {
		if r.Kind == engine.Gateway || len(terms.Labels) == 0 && r.Kind != engine.Image {
			terms.Instance, terms.Labels = r.Instance, maps.Clone(r.Labels)
		}
	}
	for _, own := range []string{engine.LabelSpec, engine.LabelToken, engine.LabelDoors, engine.LabelAddress, engine.LabelStudent, engine.LabelSubnet, engine.LabelPool} {
		delete(terms.Labels, own)
	}
	terms.Labels[engine.LabelKind], terms.Labels[engine.LabelPart] = string(engine.Volume), termsPart
	terms.Labels[engine.LabelSeat] = strconv.Itoa(seat)
	for _, r := range resources {
		for _, label := range ofSeat() {
			if value, has := r.Labels[label]; has && r.Kind == engine.Sandbox {
				terms.Labels[engine.SeatLabel(label, r.Seat)] = value
			}
		}
	}
	return terms
}

// SetExpiry says until when an instance lives; the zero time is for ever.
func SetExpiry(ctx context.Context, e engine.Engine, i Instance, expires time.Time) error {
	said := termsOf(i.Resources)[i.Name]
	terms := newTerms(WithoutTerms(i.Resources), said.Seat-1)
	delete(terms.Labels, engine.LabelExpires)
	if !expires.IsZero() {
		terms.Labels[engine.LabelExpires] = expires.UTC().Format(time.RFC3339)
	}
	if err := e.Put(ctx, terms, nil); err != nil {
		return err
	}
	for _, r := range i.Resources {
		if IsTerms(r) {
			if err := e.Remove(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}
