package plan_test

import (
	"fmt"

	"maillab/internal/engine"
	"maillab/internal/plan"
)

// What is there and not desired is removed; what is as desired is left alone.
func ExampleDiff() {
	keep := engine.Resource{Kind: engine.Volume, Instance: "monday", Seat: 1, Part: "home"}
	gone := engine.Resource{Kind: engine.Volume, Instance: "monday", Seat: 2, Part: "home"}
	p := plan.Diff([]engine.Resource{keep}, []engine.Resource{keep, gone}, nil, nil)
	for _, s := range p.Steps {
		fmt.Println(s.Action, "seat", s.Seat)
	}
	fmt.Println(plan.Diff([]engine.Resource{keep}, []engine.Resource{keep}, nil, nil).Empty())
	// Output:
	// remove seat 2
	// true
}
