package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"maillab/internal/engine"
)

// Hash is the value of engine.LabelSpec for a desired resource: over everything that cannot be changed without making
// the resource anew. What changes while it runs (a sandbox's accounts, mail, services) is not in it.
func Hash(r engine.Resource) string {
	text, err := json.Marshal(struct {
		Kind    engine.Kind
		Sandbox *engine.SandboxSpec
	}{r.Kind, r.Sandbox})
	if err != nil {
		panic(fmt.Sprintf("plan: a resource does not marshal: %v", err)) // plain data: our own bug
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Reasons that only say that something is different: hashes tell no more. See Worded.
const (
	madeOtherwise = "it is made from something else"
	toldOtherwise = "it is told something else"
)

// Words are what of one seat's sandbox is different: of what its container is made from, and of what it is told. "" is not known.
type Words struct{ Made, Told string }

// Worded is the plan in which hashes are not the last word, where more is known of seats.
func (p Plan) Worded(seats map[int]Words) Plan {
	steps := slices.Clone(p.Steps)
	for i, s := range steps {
		switch w := seats[s.Seat]; {
		case s.Target.Kind != engine.Sandbox:
		case s.Reason == madeOtherwise && w.Made != "":
			steps[i].Reason = w.Made
		case s.Reason == toldOtherwise && w.Told != "":
			steps[i].Reason = w.Told
		}
	}
	return Plan{Steps: steps}
}

// drift says in words what makes the actual resource unfit to be the desired one, "" when nothing does. Labels that say
// by whom, when and for how long a resource was made are no reason to cut a student off; nor are LabelStudent, which on a
// shared sandbox changes with the class, and LabelDoors, which is the gateway's business: facts say those anew.
func drift(desired, actual engine.Resource) string {
	switch desired.Kind {
	case engine.Volume, engine.Socket, engine.Facts, engine.Image:
		return "" // a volume is its contents; an image's tag is a hash of its own
	}
	// The labels that say most come first; the hash, which says only that something is different, comes last.
	if desired.Labels[engine.LabelToken] != actual.Labels[engine.LabelToken] {
		return "it registers by another token" // a secret
	}
	if want, have := desired.Labels[engine.LabelUIDs], actual.Labels[engine.LabelUIDs]; want != have {
		return fmt.Sprintf("its users' numbers begin at %s, not at %s", want, have)
	}
	if desired.Sandbox != nil && actual.Sandbox != nil && actual.Sandbox.Image != desired.Sandbox.Image {
		return "the programs in it are of another version"
	}
	if desired.Labels[engine.LabelSpec] != actual.Labels[engine.LabelSpec] {
		return madeOtherwise
	}
	return ""
}
