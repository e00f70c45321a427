package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestNoVerbSpeaksCobrasWords: how many arguments a verb takes is told by package commandline, with their names.
func TestNoVerbSpeaksCobrasWords(t *testing.T) {
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, args := range [][]string{nil, {"a"}, {"a", "b", "c", "d", "e"}} {
			if cmd.Args == nil {
				break
			}
			if err := cmd.Args(cmd, args); err != nil && (strings.Contains(err.Error(), "arg(s)") || strings.Contains(err.Error(), "unknown command")) {
				t.Errorf("%s %v: %v", cmd.CommandPath(), args, err)
			}
		}
		for _, verb := range cmd.Commands() {
			look(verb)
		}
	}
	look((&app{Env: Env{Getenv: func(string) string { return "" }}}).root())
}
