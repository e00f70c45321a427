// Package commandline is what a command line may say, whatever the verb: how many arguments, told in our own words; flags
// that the environment gives; flags that exclude each other. What is wrong is an Error, with a mend where one is known.
package commandline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Error is one that ends a command with a code, and what the user may do about it.
type Error struct {
	Err  error
	Code int
	Mend string // "" where none is known
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap implements errors.Unwrap.
func (e *Error) Unwrap() error { return e.Err }

// ExitUsage is the code of a command line that says what it cannot, or names a file that is not as it should be.
const ExitUsage = 2

// Usage makes an error one of usage, nil staying nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return &Error{err, ExitUsage, ""}
}

// Usagef is Usage with a text.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// wrong is Usagef with a mend.
func wrong(mend, format string, args ...any) error {
	return &Error{fmt.Errorf(format, args...), ExitUsage, mend}
}

// Takes are at least and at most so many arguments, which the verb's usage names; any number where most is negative.
func Takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		names := argumentsOf(cmd.Use)
		switch {
		case len(args) < least && len(names) >= least:
			optional := func(name string) bool { return strings.HasPrefix(name, "[") }
			if needed := slices.DeleteFunc(slices.Clone(names), optional); len(needed) >= least {
				names = needed
			}
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
		return wrong(see, "%s is missing: %s", names[0], usageOf(cmd))
	}
	return wrong(see, "%s and %s are missing: %s", strings.Join(names[:last], ", "), names[last], usageOf(cmd))
}

func tooMany(cmd *cobra.Command, names []string, most int, args []string) error {
	see := "see: " + cmd.CommandPath() + " --help"
	switch {
	case cmd.HasAvailableSubCommands():
		return wrong(near(cmd, args[0])+see, "%s has no verb %q", cmd.CommandPath(), args[0])
	case most == 0:
		return wrong("an instance is named with -n\n"+see, "%s takes no argument, and was given %q", cmd.CommandPath(), args[0])
	case most == 1 && strings.Contains(argumentsOf(written(cmd))[0], "STUDENT"):
		mend := fmt.Sprintf("a name of several words wants quotes: %s %q", cmd.CommandPath(), strings.Join(args, " "))
		return wrong(mend, "%s takes one student, and was given %s", cmd.CommandPath(), strings.Join(args, " "))
	}
	return wrong(see, "%q is too much: %s", args[most], usageOf(cmd))
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

// ThenFile completes one argument, then files.
func ThenFile(complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return complete(cmd, args, start)
	}
}
