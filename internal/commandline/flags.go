package commandline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Variable is the environment variable of a flag.
func Variable(flag string) string {
	return "MAILLAB_FLAG_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Complete takes flags that were not given from the environment, and refuses those that exclude each other.
func Complete(cmd *cobra.Command, getenv func(string) string) error {
	var wrong error
	given := map[string]bool{}
	cmd.Flags().Visit(func(f *pflag.Flag) { given[f.Name] = true })
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := Variable(f.Name)
		value := getenv(name)
		if overruled(f, given) || value == "" {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", name, Mistyped(err)))
		}
	})
	return Usage(errors.Join(wrong, exclusive(cmd)))
}

// exclusiveGroups is the annotation in which cobra's MarkFlagsMutuallyExclusive keeps a flag's groups, each the names of
// its flags with blanks between them. Cobra has no function that tells them.
const exclusiveGroups = "cobra_annotation_mutually_exclusive"

// exclusive refuses flags that exclude each other, in more of a sentence than cobra does.
func exclusive(cmd *cobra.Command) (wrong error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		for _, group := range f.Annotations[exclusiveGroups] {
			var given []string
			for _, name := range strings.Fields(group) {
				if cmd.Flags().Changed(name) {
					given = append(given, "--"+name)
				}
			}
			if len(given) > 1 && given[0] == "--"+f.Name { // told once
				wrong = errors.Join(wrong, fmt.Errorf("%s exclude each other", strings.Join(given, " and ")))
			}
		}
	})
	return wrong
}

// overruled tells whether a flag's variable has no say, because the command line gave the flag itself, or one that
// excludes it.
func overruled(f *pflag.Flag, given map[string]bool) bool {
	for _, group := range f.Annotations[exclusiveGroups] {
		if slices.ContainsFunc(strings.Fields(group), func(name string) bool { return given[name] }) {
			return true
		}
	}
	return given[f.Name]
}
