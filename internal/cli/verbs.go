package cli

import (
	"github.com/spf13/cobra"

	"maillab/internal/operator"
	"maillab/internal/shelf"
)

// verbs are all verbs, in the order of the help: cobra's own completion comes by itself.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		upVerb(a), downVerb(a), statusVerb(a), lsVerb(a),
		sshVerb(a), execVerb(a), logsVerb(a),
		resetVerb(a), snapshotVerb(a), sendVerb(a), passwdVerb(a), caVerb(a), extendVerb(a), pruneVerb(a), handoutVerb(a), webVerb(a), doctorVerb(a), operator.Drain(desk{a}), operator.Watch(desk{a}), operator.Image(desk{a}),
		sandboxVerb(a), runVerb(a), renderVerb(a),
		checkVerb(a), labVerb(a), markVerb(a), gradesVerb(a), boardVerb(a), dialoguesVerb(a), replayVerb(a), bundleVerb(a), forgetVerb(a), dueVerb(a), faultVerb(a),
		shelf.Labs(desk{a}), authorVerb(a), shelf.Validate(desk{a}), shelf.Schema(desk{a}), versionVerb(a),
		serveVerb(a), watchVerb(a),
	}
}
