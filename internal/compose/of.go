package compose

import (
	"maillab/internal/deploy"
	"maillab/internal/engine"
)

// Of takes from what is desired what a compose file can say.
func Of(d deploy.Decision, hash func(string) (string, error)) (Stack, error) {
	doors := map[int]int{}
	for i, t := range d.Desired.Doors.Sandboxes {
		doors[t.Seat] = i
	}
	stack := Stack{Name: d.Name}
	for _, r := range d.Desired.Resources {
		if r.Kind == engine.Filter {
			stack.FilterToken, stack.FilterLimit = r.Labels[engine.LabelToken], *r.Sandbox
		}
		if r.Kind != engine.Sandbox {
			continue
		}
		plain := d.Desired.Specs[r.Seat]
		plain.Statement = nil // for a page, which such a stack does not have
		sealed, err := plain.Seal(hash)
		if err != nil {
			return Stack{}, err
		}
		target := d.Desired.Doors.Sandboxes[doors[r.Seat]]
		stack.Sandboxes = append(stack.Sandboxes, Sandbox{
			Seat: r.Seat, Container: *r.Sandbox, Doors: target.Doors, Relay: target.Relay, Token: target.Token, Spec: sealed,
		})
	}
	return stack, nil
}
