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
// students are told to connect to, where a sandbox's doors are, whose it is. Such facts are said anew by a resource of
// their own kind. Those with the highest version count, whatever older ones and the labels of the other resources say. New
// ones are there before old ones go, so that killed in between, nothing is forgotten.

// WithoutFacts is an instance without what only speaks of it.
func WithoutFacts(resources []engine.Resource) []engine.Resource {
	return slices.DeleteFunc(slices.Clone(resources), func(r engine.Resource) bool { return r.Kind == engine.Facts })
}

// factsOf are the facts in force, by instance.
func factsOf(resources []engine.Resource) map[string]engine.Resource {
	last := map[string]engine.Resource{}
	for _, r := range resources {
		if said, ok := last[r.Instance]; r.Kind == engine.Facts && (!ok || r.Version > said.Version) {
			last[r.Instance] = r
		}
	}
	return last
}

// general are the labels that all resources of an instance share; ofSeat those that a seat's have.
func general() []string { return []string{engine.LabelExpires, engine.LabelHost, engine.LabelWeb} }
func ofSeat() []string {
	return []string{engine.LabelStudent, engine.LabelDoors, engine.LabelUIDs, engine.LabelRelay, engine.LabelDomain}
}

// InForce has every resource say what the facts say.
func InForce(resources []engine.Resource) []engine.Resource {
	facts, out := factsOf(resources), slices.Clone(resources)
	for i, r := range out {
		said, ok := facts[r.Instance]
		if !ok || r.Kind == engine.Facts || r.Kind == engine.Image {
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

// Agree adds facts to what is desired: to what is new, which they claim before it is there, and when without them what is
// there would say something else than is desired.
func (d *Desired) Agree(existing Instance) {
	runs := WithoutFacts(existing.Resources)
	said, have := factsOf(existing.Resources)[existing.Name]
	facts := newFacts(d.Resources, said.Version+1)
	switch {
	case contradicts(runs, said, facts), claims(existing, facts):
	case have:
		facts = said
	default:
		return
	}
	d.Resources = append(d.Resources, facts)
	engine.Sort(d.Resources)
}

// contradicts tells whether resources, or the facts in force, say something else than new facts would.
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
	for label := range said.Labels { // of somebody who has left: a name is not kept longer than the student
		if _, of := engine.OfSeat(label, engine.LabelStudent); of && want.Labels[label] == "" {
			return true
		}
	}
	for label, value := range want.Labels { // of a seat that is empty now, and was not when they were said
		if other, ok := said.Labels[label]; ok && other != value && engine.IsSeatLabel(label) {
			return true
		}
	}
	return false
}

// claims tells whether facts speak of seats of which nothing is known yet.
func claims(existing Instance, facts engine.Resource) bool {
	for label := range facts.Labels {
		if seat, ok := engine.OfSeat(label, engine.LabelDoors); ok {
			if _, known := existing.Claims[seat]; !known {
				return true
			}
		}
	}
	return false
}

// newFacts say what the labels of resources say.
func newFacts(resources []engine.Resource, version int) engine.Resource {
	facts := engine.Resource{Kind: engine.Facts, Version: version, State: engine.Running, Labels: map[string]string{}}
	for _, r := range resources {
		if r.Kind == engine.Gateway || len(facts.Labels) == 0 && r.Kind != engine.Image {
			facts.Instance, facts.Labels = r.Instance, maps.Clone(r.Labels)
		}
	}
	for _, own := range []string{engine.LabelSpec, engine.LabelToken, engine.LabelDoors, engine.LabelUIDs, engine.LabelStudent, engine.LabelRelay, engine.LabelDomain, engine.LabelForward, engine.LabelSeat, engine.LabelPart} {
		delete(facts.Labels, own)
	}
	facts.Labels[engine.LabelKind], facts.Labels[engine.LabelVersion] = string(engine.Facts), strconv.Itoa(version)
	for _, r := range resources {
		for _, label := range ofSeat() {
			if value, has := r.Labels[label]; has && r.Kind == engine.Sandbox {
				facts.Labels[engine.SeatLabel(label, r.Seat)] = value
			}
		}
	}
	return facts
}

// SetExpiry says until when an instance, of which one has the folder, lives; the zero time is for ever.
func (h *Held) SetExpiry(ctx context.Context, e engine.Engine, i Instance, expires time.Time) error {
	said, have := factsOf(i.Resources)[i.Name]
	facts := newFacts(WithoutFacts(i.Resources), said.Version+1)
	if have {
		version := facts.Labels[engine.LabelVersion]
		facts.Labels = maps.Clone(said.Labels)
		facts.Labels[engine.LabelVersion] = version
	}
	delete(facts.Labels, engine.LabelExpires)
	if !expires.IsZero() {
		facts.Labels[engine.LabelExpires] = expires.UTC().Format(time.RFC3339)
	}
	if err := e.Put(ctx, facts, nil); err != nil {
		return err
	}
	for _, r := range i.Resources {
		if r.Kind == engine.Facts {
			if err := e.Remove(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}
