package cli

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/period"
	"maillab/internal/request"
	"maillab/internal/scratch"
	"maillab/internal/screen"
	"maillab/internal/spec"
	"maillab/labs"
)

// sandboxFlags are what sandbox was told.
type sandboxFlags struct {
	upFlags
	dir    string
	log    bool
	called string                     // its name, or what that begins with
	begun  func(deploy.Outcome) error // told when it is up, nil: nobody
}

func sandboxVerb(a *app) *cobra.Command {
	var f sandboxFlags
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "A personal sandbox in the foreground, without Docker",
		Long: `A mail server of your own with the lab's accounts, on this machine, until Ctrl-C. It is served by this program itself:
no Docker is needed, and there is no SSH, no mail command and no system account in it. With --engine docker it is a real
sandbox in a container, which has all that.

The mail is in a temporary folder that is removed in the end, or in --dir, which is kept and can be used again: each
mailbox is an mbox file in it. It speaks the lab's own language, unless a class list says another. In another terminal
every other verb finds the sandbox: maillab lab (the tasks, hints, checks, answers), status, logs, reset.`,
		Example: `  maillab sandbox
  maillab sandbox --web
  maillab sandbox -f caen-pop3-smtp --log
  maillab sandbox --dir ~/mail-lab --listen 0.0.0.0`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.Page = given(cmd, "web", &f.web)
			return runSandbox(cmd.Context(), a, f)
		},
	}
	flags := cmd.Flags()
	f.AddLab(cmd, labs.Default)
	f.List.Add(cmd, "a class list instead of one student")
	flags.StringVar(&f.dir, "dir", "", "folder that the mail is kept in")
	flags.BoolVar(&f.web, "web", false, "serve a page for the browser, too, at the base + 80")
	f.Serving.Add(flags)
	flags.BoolVar(&f.log, "log", false, "show the mail log as it grows")
	flags.StringVar(&f.Listen, "listen", "", "address to listen on, instead of the lab's")
	flags.StringVar(&f.Host, "host", "", "host name or address to tell people to connect to")
	commandline.Count(flags, &f.Base, "base", 0, request.Ports(), "where the ports begin, instead of the lab's")
	period.Var(flags, &f.timeout, "timeout", 10*time.Minute, "give up starting after this time")
	return cmd
}

func runSandbox(ctx context.Context, a *app, f sandboxFlags) error {
	own := *a
	a = &own
	a.flags.engine = cmp.Or(a.flags.engine, "embedded")
	if f.dir != "" && a.flags.engine != "embedded" {
		return usagef("--dir is for the embedded engine: elsewhere mail is on the engine's volumes")
	}
	a, release, err := openDir(a, &f)
	if err != nil {
		return err
	}
	defer release()
	defer a.tellLeave(ctx)()
	a, h := hostedBy(ctx, a)
	defer h.End()
	if err := nameSandbox(ctx, a, &f); err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	out, err := begin(starting, a, f.upFlags, nil)
	if err == nil {
		welcome(a, out, f)
		if f.begun != nil {
			err = f.begun(out)
		}
	}
	if err == nil {
		attend(ctx, a, out, h, f.log)
	}
	keep := func(r engine.Resource) bool { return f.dir != "" && r.Kind == engine.Volume }
	return errors.Join(err, finish(ctx, a, out, keep))
}

// openDir is this command with the folder of the sandbox as its data folder. A folder that is kept belongs to one sandbox at
// a time.
func openDir(a *app, f *sandboxFlags) (inside *app, release func(), err error) {
	if f.dir == "" {
		return temporary(a)
	}
	f.dir, release, err = scratch.Hold(f.dir)
	if errors.Is(err, scratch.ErrHeld) {
		err = usagef("--dir %s: another sandbox uses it", f.dir)
	}
	return a.in(f.dir), release, err
}

// nameSandbox finds a name that is free: sandbox, sandbox-2, …
func nameSandbox(ctx context.Context, a *app, f *sandboxFlags) error {
	f.Alone, f.name = true, a.flags.instance
	if f.name != "" {
		return nil
	}
	around, err := a.look(ctx, "")
	if err != nil {
		return err
	}
	f.name = around.Free(cmp.Or(f.called, "sandbox"))
	return nil
}

// welcome says what there is and what is missing.
func welcome(a *app, o deploy.Outcome, f sandboxFlags) {
	if a.flags.quiet {
		return
	}
	whereTo(a, o)
	if missing := o.Engine.Capabilities().Missing; missing != "" {
		a.Fprintf(a.Err, "\nThis is the %s engine: %s.\n", o.Engine.Capabilities().Name, missing)
	}
	if !o.Engine.Capabilities().System {
		kept := "removed in the end"
		if f.dir != "" {
			kept = "kept"
		}
		a.Fprintf(a.Err, "The mailboxes are below %s (%s).\n", filepath.Join(a.DataDir, "seats"), kept)
	}
	if slices.ContainsFunc(slices.Collect(maps.Values(o.Desired.Specs)), func(s spec.Sandbox) bool { return s.Tasks != nil }) {
		whose := ""
		if students := o.Class.Students; len(students) > 1 {
			whose = " --student " + students[0].Key
		}
		a.Fprintf(a.Err, "The tasks, in another terminal: maillab -n %[1]s lab%[2]s; where you are: maillab -n %[1]s lab%[2]s check\n", o.Name, whose)
	}
	a.Fprintf(a.Err, "Ctrl-C ends it; elsewhere: maillab -n %s status\n", o.Name)
}

// attend stays until ctx ends or the sandbox is taken down by somebody else.
func attend(ctx context.Context, a *app, o deploy.Outcome, h *deploy.Hosted, log bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := instance.Connect(o.Engine, o.Name)
	defer client.Close()
	var shown sync.WaitGroup
	defer shown.Wait()
	if log {
		together := &screen.Shared{Out: a.Out}
		for seat := range o.Desired.Specs {
			shown.Go(func() {
				stream, err := client.Seat(seat).Log(ctx, 0, true)
				if err != nil {
					if ctx.Err() == nil {
						a.Fprintf(a.Err, "maillab: no mail log: %v\n", err)
					}
					return
				}
				defer stream.Close()
				if err := screen.CopyLines(together, "", stream); err != nil && ctx.Err() == nil {
					a.Fprintf(a.Err, "maillab: mail log: %v\n", err)
				}
			})
		}
	}
	select {
	case <-ctx.Done():
	case <-h.Ended:
		a.Fprintf(a.Err, "%s was taken down\n", o.Name)
		cancel()
	}
}
