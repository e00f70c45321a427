package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// WatchCommand is the hidden verb of the process that run has beside its command: see leash.
const WatchCommand = "watch-command"

// released is the word that lets a watcher go.
const released = "released"

// watch is that verb: it reads until the pipe ends. Without the word in it, maillab was killed. It may be told a process
// to end; otherwise that is everything in its own group.
func watchVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    WatchCommand,
		Short:  "End the command of a run that is killed",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			ignoreSignals()
			fmt.Fprintln(a.Out, "watching")
			text, err := io.ReadAll(a.In)
			told := strings.Fields(string(text))
			if err != nil || len(told) > 0 && told[len(told)-1] == released {
				return err
			}
			pid := 0
			if len(told) > 0 {
				pid, err = strconv.Atoi(told[0])
			}
			if err != nil || pid < 0 {
				return usagef("%s: %q is no process", WatchCommand, told[0])
			}
			return killWatched(pid)
		},
	}
}
