package plan

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

type diffCase struct {
	name            string
	desired, actual []engine.Resource
	want, have      map[int]string
}

func cases() []diffCase {
	three := small("alice", "bob", "carol")
	all := three.resources()
	otherDoors, newImage, forwarded, shifted := three, three, three, three
	otherDoors.doors, otherDoors.facts = "20000", 1
	renamed := small("alice", "bob", "carla")
	renamed.doors, renamed.facts = "20000", 2
	newImage.image = "maillab/sandbox:2"
	forwarded.forward = true
	shifted.shift = 1
	dropped := small("alice", "", "carol", "dave")
	volumes := without(all, "image maillab/sandbox:1", "socket", "gateway", "sandbox 1", "sandbox 2", "sandbox 3")
	specs, specs2 := three.specs("a1"), three.specs("b2")
	specs3 := three.specs("a1")
	specs3[2] = "b2"
	silent := three.specs("a1")
	delete(silent, 3)

	return []diffCase{
		{"first-deploy", all, nil, specs, nil},
		{"nothing", all, running(all), specs, specs},
		{"teardown", nil, running(all), nil, nil},
		{"teardown-keeps-volumes", volumes, running(all), nil, nil},
		{"teardown-half-built", nil, stopped(without(running(all), "socket", "gateway", "sandbox 1"), "sandbox 2"), nil, nil},
		{"sandbox-missing", all, without(running(all), "sandbox 2"), specs, specs3},
		{"sandbox-stopped", all, stopped(running(all), "sandbox 2"), specs, silent},
		{"gateway-missing", all, without(running(all), "gateway"), specs, nil},
		{"gateway-stopped", all, stopped(running(all), "gateway"), specs, nil},
		{"gateway-forwarded", forwarded.resources(), running(all), specs, specs},
		{"socket-missing", all, stopped(without(running(all), "socket"), "sandbox 1", "sandbox 2", "sandbox 3"), specs, nil},
		{"volume-missing", all, without(running(all), "volume 2 mail"), specs, specs},
		{"image-changed", newImage.resources(), running(all), specs, specs},
		{"doors-changed", otherDoors.resources(), running(all), otherDoors.specs("a1"), specs},
		{"facts-said-again", renamed.resources(), running(otherDoors.resources()), renamed.specs("a1"), renamed.specs("a1")},
		{"facts-left-behind", renamed.resources(), append(running(renamed.resources()), running(otherDoors.resources()[:4])[3]), renamed.specs("a1"), renamed.specs("a1")},
		{"facts-go-with-the-rest", nil, running(otherDoors.resources()), nil, nil},
		{"uids-shifted", shifted.resources(), running(all), specs, specs},
		{"gateway-forgot-doors", all, running(all), specs, map[int]string{1: "a1", 2: "a1", 3: "a1"}},
		{"spec-changed", all, running(all), specs2, specs},
		{"one-does-not-answer", all, running(all), specs, silent},
		{"class-changed", dropped.resources(), running(all), dropped.specs("a1"), specs},
		{"no-specs-known", all, without(running(all), "sandbox 2"), nil, nil},
	}
}

// TestDiffGolden compares plans with the text that --dry-run shows. Each is also checked for its form.
func TestDiffGolden(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			p := Diff(c.desired, c.actual, c.want, c.have)
			checkForm(t, p)
			golden(t, c.name, p.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".plan")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// checkForm: IDs are unique, needs point backwards, a plan survives JSON.
func checkForm(t *testing.T, p Plan) {
	t.Helper()
	seen := make(map[ID]bool)
	for _, s := range p.Steps {
		if seen[s.ID] {
			t.Errorf("%s: twice", s.ID)
		}
		for _, need := range s.Needs {
			if !seen[need] {
				t.Errorf("%s needs %s, which does not come before it", s.ID, need)
			}
		}
		if s.Reason == "" {
			t.Errorf("%s: no reason", s.ID)
		}
		seen[s.ID] = true
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.String() != p.String() {
		t.Errorf("after JSON:\n%s\nbefore:\n%s", back, p)
	}
}

func TestNeeds(t *testing.T) {
	byName := make(map[string]diffCase)
	for _, c := range cases() {
		byName[c.name] = c
	}
	for _, test := range []struct {
		plan string
		step ID
		want []ID
	}{
		{"first-deploy", "create sandbox 2", []ID{
			"build image maillab/sandbox:1", "create socket",
			"create volume 2 home", "create volume 2 mail", "create volume 2 state"}},
		{"first-deploy", "create gateway", []ID{"build image maillab/sandbox:1", "create socket"}},
		{"first-deploy", "doors gateway", []ID{"create gateway"}},
		{"first-deploy", "configure sandbox 2", []ID{"create sandbox 2", "create gateway", "doors gateway"}},
		{"first-deploy", "wait sandbox 2", []ID{"create sandbox 2", "doors gateway", "configure sandbox 2"}},
		{"doors-changed", "doors gateway", []ID{"create facts 1"}},
		{"facts-said-again", "remove facts 1", []ID{"create facts 2"}},
		{"teardown", "remove socket", []ID{"remove gateway", "remove sandbox 1", "remove sandbox 2", "remove sandbox 3"}},
		{"teardown", "remove volume 3 mail", []ID{"remove sandbox 3"}},
		{"teardown", "remove sandbox 3", nil},
		{"socket-missing", "recreate gateway", []ID{"create socket"}},
		{"socket-missing", "recreate sandbox 1", []ID{"create socket"}},
		{"gateway-forwarded", "recreate gateway", nil},
		{"volume-missing", "recreate sandbox 2", []ID{"create volume 2 mail"}},
		{"sandbox-stopped", "start sandbox 2", nil},
		{"spec-changed", "wait sandbox 1", []ID{"configure sandbox 1"}},
	} {
		t.Run(test.plan+"/"+string(test.step), func(t *testing.T) {
			c := byName[test.plan]
			for _, s := range Diff(c.desired, c.actual, c.want, c.have).Steps {
				if s.ID == test.step {
					if d := cmp.Diff(test.want, s.Needs); d != "" {
						t.Errorf("-want +got\n%s", d)
					}
					return
				}
			}
			t.Errorf("no such step")
		})
	}
}

func TestCuts(t *testing.T) {
	want := map[string][]string{
		"first-deploy": nil, "nothing": nil, "spec-changed": nil, "sandbox-stopped": nil, "sandbox-missing": nil,
		"gateway-missing": nil, "gateway-stopped": nil, "socket-missing": nil,
		"teardown": {"alice", "bob", "carol"}, "gateway-forwarded": {"alice", "bob", "carol"},
		"doors-changed": nil, "facts-said-again": nil, "image-changed": {"alice", "bob", "carol"},
		"teardown-half-built": {"carol"}, "volume-missing": {"bob"}, "class-changed": {"bob"},
	}
	for _, c := range cases() {
		cut, listed := want[c.name]
		if !listed {
			continue
		}
		if d := cmp.Diff(cut, Diff(c.desired, c.actual, c.want, c.have).Cuts()); d != "" {
			t.Errorf("%s: -want +got\n%s", c.name, d)
		}
	}
}

func TestSharedSandboxSurvivesAChangedClass(t *testing.T) {
	one := small().seat(0, "alice,bob")
	two := small().seat(0, "alice,bob,carol")
	p := Diff(two, running(one), map[int]string{0: "b2"}, map[int]string{0: "a1"})
	golden(t, "shared-class-changed", p.String())
	if cuts := p.Cuts(); cuts != nil {
		t.Errorf("cuts %v", cuts)
	}
}

func TestHashIsOfWhatNeedsARecreation(t *testing.T) {
	rs := small("alice").resources()
	a, b := rs[len(rs)-1], rs[len(rs)-1]
	b.Labels = map[string]string{engine.LabelStudent: "alicia"}
	b.State, b.Seat = engine.Running, 7
	if Hash(a) != Hash(b) {
		t.Error("labels, state and seat are in the hash")
	}
	spec := *a.Sandbox
	spec.Memory = 1 << 20
	b.Sandbox = &spec
	if Hash(a) == Hash(b) {
		t.Error("the memory limit is not in the hash")
	}
}

// TestWorded: where it is known what is different, that is the reason; other reasons, and other seats, stay.
func TestWorded(t *testing.T) {
	sandbox := func(seat int) engine.Resource { return engine.Resource{Kind: engine.Sandbox, Seat: seat} }
	p := Plan{Steps: []Step{
		{Action: Recreate, Target: sandbox(1), Seat: 1, Reason: madeOtherwise}, {Action: Configure, Target: sandbox(1), Seat: 1, Reason: toldOtherwise},
		{Action: Configure, Target: sandbox(2), Seat: 2, Reason: toldOtherwise}, {Action: Configure, Target: sandbox(3), Seat: 3, Reason: "new"},
		{Action: Recreate, Target: engine.Resource{Kind: engine.Gateway}, Reason: madeOtherwise},
	}}
	var reasons []string
	for _, s := range p.Worded(map[int]Words{0: {Made: "x"}, 1: {Made: "memory 96 → 128 MiB", Told: "task journal new"}, 3: {Told: "y"}}).Steps {
		reasons = append(reasons, s.Reason)
	}
	if diff := cmp.Diff([]string{"memory 96 → 128 MiB", "task journal new", toldOtherwise, "new", madeOtherwise}, reasons); diff != "" {
		t.Error(diff)
	}
	if p.Steps[0].Reason != madeOtherwise {
		t.Error("the plan itself was changed")
	}
}
