package cli

import "github.com/spf13/cobra"

// verbs are all verbs, in the order of the help: cobra's own completion comes by itself.
func (a *app) verbs() []*cobra.Command {
	return []*cobra.Command{
		upVerb(a), a.down(), a.status(), a.ls(),
		a.ssh(), a.exec(), a.logs(),
		a.reset(), a.snapshot(), a.send(), a.passwd(), a.extend(), a.prune(), a.handout(), a.doctor(),
		a.sandbox(), a.run(), a.render(),
		a.check(), a.lab(), a.mark(), a.board(), a.dialogues(), a.bundle(),
		a.labs(), a.validate(), a.schema(), a.version(),
		a.serve(), a.watch(),
	}
}
