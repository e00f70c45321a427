package instance

import (
	"context"
	"maps"
	"slices"
	"time"

	"maillab/internal/engine"
)

// How long an instance lives, and what students are told to connect to, is said by the labels that its resources were made
// with. Labels do not change while a resource lives, so another life or host is said by a resource that nothing stands on:
// an empty volume of a seat that nobody has. Where there is one, its word counts and no other's.
const leaseSeat = -1

// IsLease tells whether a resource only says such things about its instance.
func IsLease(r engine.Resource) bool { return r.Kind == engine.Volume && r.Seat == leaseSeat }

// WithoutLease is what plans are made for: a lease is no part of what an instance is to be.
func WithoutLease(resources []engine.Resource) []engine.Resource {
	return slices.DeleteFunc(slices.Clone(resources), IsLease)
}

// SetExpiry says until when an instance lives; the zero time is for ever.
func SetExpiry(ctx context.Context, e engine.Engine, i Instance, expires time.Time) error {
	return SetTerms(ctx, e, i, expires, i.Host)
}

// SetTerms says until when an instance lives and what students are told to connect to; "" is where the doors listen.
func SetTerms(ctx context.Context, e engine.Engine, i Instance, expires time.Time, host string) error {
	labels := map[string]string{}
	for _, r := range i.Resources {
		if r.Kind == engine.Gateway || len(labels) == 0 {
			labels = maps.Clone(r.Labels)
		}
	}
	for _, only := range []string{engine.LabelSpec, engine.LabelToken, engine.LabelDoors, engine.LabelAddress, engine.LabelStudent, engine.LabelExpires, engine.LabelHost} {
		delete(labels, only)
	}
	lease := engine.Resource{Kind: engine.Volume, Instance: i.Name, Seat: leaseSeat, Part: "lease", State: engine.Running, Labels: labels}
	labels[engine.LabelKind], labels[engine.LabelSeat], labels[engine.LabelPart] = string(engine.Volume), "-1", lease.Part
	if !expires.IsZero() {
		labels[engine.LabelExpires] = expires.UTC().Format(time.RFC3339)
	}
	if host != "" {
		labels[engine.LabelHost] = host
	}
	if err := e.Remove(ctx, lease); err != nil {
		return err
	}
	return e.Put(ctx, lease, nil)
}
