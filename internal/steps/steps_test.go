package steps

import (
	"bytes"
	"testing"

	"maillab/internal/apply"
	"maillab/internal/engine"
	"maillab/internal/plan"
	"maillab/internal/say"
)

func events() (plan.Plan, []apply.Event) {
	build := plan.Step{Action: plan.Build, Target: engine.Resource{Kind: engine.Image}, Reason: "it is new"}
	create := plan.Step{Action: plan.Create, Target: engine.Resource{Kind: engine.Volume, Seat: 1, Part: "mail"}}
	return plan.Plan{Steps: []plan.Step{build, create}}, []apply.Event{
		{Step: build, State: apply.Started}, {Step: build, Line: "layer 1"}, {Step: build, State: apply.Done},
		{Step: create, State: apply.Started}, {Step: create, State: apply.Done},
	}
}

// TestLines: off a terminal a step is told when it is done, and a build, which takes long, when it begins.
func TestLines(t *testing.T) {
	var out bytes.Buffer
	tell := Lines(&out, say.In("en"))
	_, all := events()
	for _, e := range all {
		tell(e)
	}
	want := "building the sandbox image: it is new\n  layer 1\nbuild image\ncreate volume 1 mail\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// TestBar: the end comes, and does not wait for steps that were never done.
func TestBar(t *testing.T) {
	p, all := events()
	for cut := range len(all) + 1 {
		var out bytes.Buffer
		tell, finish := Bar(&out, say.In("en"), p)
		for _, e := range all[:cut] {
			tell(e)
		}
		finish()
	}
}
