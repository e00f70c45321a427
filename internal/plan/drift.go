package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

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
		return "drifted: " + engine.LabelToken + " is another" // a secret
	}
	if want, have := desired.Labels[engine.LabelUIDs], actual.Labels[engine.LabelUIDs]; want != have {
		return fmt.Sprintf("drifted: %s %q → %q", engine.LabelUIDs, have, want)
	}
	if desired.Sandbox != nil && actual.Sandbox != nil && actual.Sandbox.Image != desired.Sandbox.Image {
		return fmt.Sprintf("drifted: image %s → %s", actual.Sandbox.Image, desired.Sandbox.Image)
	}
	if want, have := desired.Labels[engine.LabelSpec], actual.Labels[engine.LabelSpec]; want != have {
		return fmt.Sprintf("drifted: %s %q → %q", engine.LabelSpec, have, want)
	}
	return ""
}
