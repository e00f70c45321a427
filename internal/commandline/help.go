package commandline

import (
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"maillab/internal/say"
)

// Speak lets a program's help be in another language: what its commands and flags say of themselves, and cobra's own words.
// It comes after all commands have been put together.
func Speak(root *cobra.Command, t say.Tongue) {
	if t.English() {
		return
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	speak(root, t)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		page := cmd.Long
		if page == "" {
			page = cmd.Short
		}
		_, _ = io.WriteString(cmd.OutOrStdout(), strings.TrimSpace(page)+"\n\n"+usage(cmd, t)) // as cobra has it
	})
}

func speak(cmd *cobra.Command, t say.Tongue) {
	cmd.InitDefaultHelpFlag()
	cmd.Short, cmd.Long = t.Text(cmd.Short), t.Page(cmd.Long)
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[asWritten] = cmd.Use
	cmd.Use = placeholder.ReplaceAllStringFunc(cmd.Use, t.Text)
	translate := func(f *pflag.Flag) { f.Usage = t.Text(f.Usage) }
	cmd.LocalNonPersistentFlags().VisitAll(translate)
	cmd.PersistentFlags().VisitAll(translate)
	for _, verb := range cmd.Commands() {
		speak(verb, t)
	}
}

// placeholder is what stands in a usage line for something that one types.
var placeholder = regexp.MustCompile(`\b[A-Z]{2,}\b`)

// otherwise is where pflag names what a flag is that is not given.
var otherwise = regexp.MustCompile(`(?m) \(default (.*)\)$`)

// usage is cobra's usage of a command; its headings are texts of the catalogue.
func usage(cmd *cobra.Command, t say.Tongue) string {
	text := otherwise.ReplaceAllStringFunc(cmd.UsageString(), func(tail string) string {
		return " (" + t.Sprintf("default %s", otherwise.FindStringSubmatch(tail)[1]) + ")"
	})
	lines := strings.SplitAfter(text, "\n")
	for n, line := range lines {
		if line[:min(1, len(line))] != " " {
			lines[n] = t.Text(line)
		}
	}
	text = strings.Join(lines, "")
	return strings.NewReplacer("[flags]", t.Text("[flags]"), "[command]", t.Text("[command]")).Replace(text)
}
