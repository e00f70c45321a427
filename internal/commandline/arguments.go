// Package commandline is what a command line may say, whatever the verb: how many arguments, told in our own words; flags
// that the environment gives; flags that exclude each other. What is wrong is an Error, with a mend where one is known.
package commandline

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Error is a command line that says what it cannot.
type Error struct {
	Text string
	Mend string // "" where none is known
}

func (e *Error) Error() string { return e.Text }

// Takes are at least and at most so many arguments, which the verb's usage names; any number where most is negative.
func Takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		names := argumentsOf(cmd.Use)
		switch {
		case len(args) < least && len(names) >= least:
			return missing(cmd, names[len(args):least])
		case most >= 0 && len(args) > most:
			return tooMany(cmd, names, most, args)
		}
		return nil
	}
}

// argumentsOf are the names of the arguments in a usage line: STUDENT and TASK of "mark STUDENT TASK". What begins at -- is
// a command's own.
func argumentsOf(use string) []string {
	names := strings.Fields(use)[1:]
	for i, name := range names {
		if strings.HasPrefix(strings.TrimPrefix(name, "["), "--") {
			return names[:i]
		}
	}
	return names
}

// asWritten is the annotation that keeps a usage line as it is in the source, where a help speaks another language.
const asWritten = "maillab.use"

// written is a command's usage line as it is in the source.
func written(cmd *cobra.Command) string {
	if use, translated := cmd.Annotations[asWritten]; translated {
		return use
	}
	return cmd.Use
}

// usageOf is how the verb is called.
func usageOf(cmd *cobra.Command) string {
	path := cmd.CommandPath()
	return strings.TrimSpace(path[:len(path)-len(cmd.Name())] + cmd.Use)
}

func missing(cmd *cobra.Command, names []string) error {
	see, last := "see: "+cmd.CommandPath()+" --help", len(names)-1
	if last == 0 {
		return &Error{fmt.Sprintf("%s is missing: %s", names[0], usageOf(cmd)), see}
	}
	return &Error{fmt.Sprintf("%s and %s are missing: %s", strings.Join(names[:last], ", "), names[last], usageOf(cmd)), see}
}

func tooMany(cmd *cobra.Command, names []string, most int, args []string) error {
	see := "see: " + cmd.CommandPath() + " --help"
	switch {
	case cmd.HasAvailableSubCommands():
		return &Error{fmt.Sprintf("%s has no verb %q", cmd.CommandPath(), args[0]), near(cmd, args[0]) + see}
	case most == 0:
		return &Error{fmt.Sprintf("%s takes no argument, and was given %q", cmd.CommandPath(), args[0]), "an instance is named with -n\n" + see}
	case most == 1 && strings.Contains(argumentsOf(written(cmd))[0], "STUDENT"):
		return &Error{fmt.Sprintf("%s takes one student, and was given %s", cmd.CommandPath(), strings.Join(args, " ")),
			fmt.Sprintf("a name of several words wants quotes: %s %q", cmd.CommandPath(), strings.Join(args, " "))}
	}
	return &Error{fmt.Sprintf("%q is too much: %s", args[most], usageOf(cmd)), see}
}

// near is a verb that may have been meant.
func near(cmd *cobra.Command, typed string) string {
	cmd.SuggestionsMinimumDistance = 2 // cobra's own, which it sets where it speaks itself
	if all := cmd.SuggestionsFor(typed); len(all) > 0 {
		return "did you mean " + cmd.CommandPath() + " " + all[0] + "?\n"
	}
	return ""
}

// Whole makes a command that does nothing but have verbs print its help, and refuse verbs that it does not have, which cobra
// does not; so for all that are below it.
func Whole(cmd *cobra.Command) {
	if !cmd.Runnable() {
		cmd.Args = Takes(0, 0)
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, verb := range cmd.Commands() {
		Whole(verb)
	}
}
