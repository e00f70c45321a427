// Package cli is the program maillab: one file per verb, each of them parsing, calling, and rendering. Data goes to
// standard output, everything else to standard error. It is a function of its environment, so that tests run it whole.
package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/listing"
	"maillab/internal/say"
	"maillab/internal/screen"
)

// Env is all that the program takes from outside.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	Now      func() time.Time
	DataDir  string // where instance folders are
	Version  string
	Commit   string
	Program  string // this program's file, for what run starts beside its command; "" where there is none to be started
	// Engines are made when they are needed, by name; the first that answers is the default.
	Engines []deploy.Maker
	Serve   ServeFunc
	// Here makes an embedded engine for one instance, whose seats are in a folder of their own. In place of a process for
	// it, it calls serve, which is given what Serve wants.
	Here func(seats string, serve func(runtime, data string)) engine.Engine
}

// app is one run of the program.
type app struct {
	Env
	say.Tongue // what people are told is said by it
	flags      globalFlags
}

// globalFlags are those that every verb has.
type globalFlags struct {
	instance string
	output   string
	engine   string
	lang     string // a.Tongue has been chosen by it
	yes      bool
	quiet    bool
}

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, env Env, args []string) int {
	env.Out, env.Err = screen.Filtered(env.Out), screen.Filtered(env.Err)
	a := &app{Env: env, Tongue: say.In(say.Chosen(args, commandline.Variable("lang"), env.Getenv))}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var f *commandline.Error
	if errors.As(err, &f) && f.Err == errSilent {
		return f.Code
	}
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		err = brokenOff(err)
	}
	a.Fprintf(env.Err, "maillab: %v\n", err)
	if hint := hintFor(err); hint != "" {
		a.Fprintln(env.Err, hint)
	}
	return exitCode(err)
}

// errSilent is inside a failure whose text has been printed already.
var errSilent = errors.New("already told")

// silent ends with a code and says nothing more.
func silent(code int) error {
	if code == exitDone {
		return nil
	}
	return &commandline.Error{Err: errSilent, Code: code}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "maillab",
		Short: "A mail server for every student, to talk to by hand",
		Long: `maillab gives every student of a class a mail server of their own to talk to by hand: SMTP, POP3 and IMAP
over telnet, system accounts, SSH and the mail command, all on one /var/mail spool.

The instance is -n NAME everywhere, and may be left out when exactly one runs. Every flag can be given as an
environment variable: --engine as MAILLAB_FLAG_ENGINE, -n as MAILLAB_FLAG_INSTANCE.

Exit codes:
` + exitCodes(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		Args:              commandline.Takes(0, 0),
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) },
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.flags.instance, "instance", "n", "", "the instance; may be left out when exactly one runs")
	f.StringVarP(&a.flags.output, "output", "o", "table", "table, json or csv, where a result is a list")
	f.StringVar(&a.flags.engine, "engine", "", "docker, embedded or swarm; by default the first of docker and embedded that answers")
	f.StringVar(&a.flags.lang, "lang", "", "the language, fr or en; by default that of the locale (LC_ALL, LC_MESSAGES, LANG)")
	f.BoolVarP(&a.flags.yes, "yes", "y", false, "do not ask before something is destroyed; where nobody can be asked up, down, prune and probe need it, reset and snapshot do not")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", false, "no progress")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &commandline.Error{Err: commandline.Mistyped(err), Code: exitUsage, Mend: "see: " + cmd.CommandPath() + " --help"}
	})
	_ = root.RegisterFlagCompletionFunc("instance", completion{a}.instances)
	_ = root.RegisterFlagCompletionFunc("output", fixed("table", "json", "csv"))
	_ = root.RegisterFlagCompletionFunc("engine", fixed("docker", "embedded", "swarm"))
	_ = root.RegisterFlagCompletionFunc("lang", fixed(say.Languages()...))
	root.AddCommand(verbs(a)...)
	commandline.Whole(root)
	commandline.Speak(root, a.Tongue)
	return root
}

// prepare takes flags that were not given from the environment, and checks those that all verbs have.
func (a *app) prepare(cmd *cobra.Command) error {
	if err := commandline.Complete(cmd, a.Getenv); err != nil {
		return err
	}
	if _, err := a.makers(); err != nil {
		return err
	}
	if a.flags.lang != "" && !slices.Contains(say.Languages(), a.flags.lang) {
		return usagef("no language is called %q: fr or en", a.flags.lang)
	}
	switch a.flags.output {
	case "table", "json", "csv", cmd.Annotations[outputForms]:
		return nil
	}
	return usagef("no output form is called %q: table, json or csv", a.flags.output)
}

// fixed completes from a list.
func fixed(values ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
}

// print writes a list to standard output in the form that was asked for.
func (a *app) print(l listing.List) error { return l.Write(a.Out, a.flags.output, a.Tongue) }
