package instance

import (
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/handoff"
)

// A class may have a SpamAssassin, which the servers of all ask: a container of its own, from an image of its own, that registers at the
// gateway like a sandbox and has no door (docs/decisions/0150).

// Of its container.
const (
	filterMemory = 384 << 20 // a parent and two children, which share most of it
	filterPIDs   = 32
	filterTmp    = 16 << 20
)

// filter is the class's SpamAssassin.
func (w Wish) filter() engine.Resource {
	r := w.resource(engine.Filter, 0, map[string]string{engine.LabelToken: w.Token(control.FilterSeat)})
	r.Sandbox = &engine.SandboxSpec{Image: w.Filter, Hostname: "filter", Memory: filterMemory, PIDs: filterPIDs, TmpBytes: filterTmp,
		Env: map[string]string{handoff.EnvToken: r.Labels[engine.LabelToken]}}
	return r
}

// filterOf is it as the gateway is to know it; nil: there is none.
func filterOf(resources []engine.Resource) *control.Target {
	for _, r := range resources {
		if r.Kind == engine.Filter {
			return &control.Target{Seat: control.FilterSeat, Token: r.Labels[engine.LabelToken]}
		}
	}
	return nil
}

// FilterToken is what the class's SpamAssassin registers by, "" where there is none.
func (i Instance) FilterToken() string {
	if filter := filterOf(i.Resources); filter != nil {
		return filter.Token
	}
	return ""
}
