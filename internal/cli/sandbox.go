package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/engine"
	"maillab/internal/filelock"
	"maillab/internal/instance"
	"maillab/internal/spec"
	"maillab/labs"
)

// sandboxFlags are what sandbox was told.
type sandboxFlags struct {
	upFlags
	dir string
	log bool
}

func (a *app) sandbox() *cobra.Command {
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
  maillab sandbox -f caen-pop3-smtp --log
  maillab sandbox --dir ~/mail-lab --listen 0.0.0.0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runSandbox(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.lab, "lab", "f", labs.Default, "the lab: a folder, a file, or the name of one on board")
	flags.StringVar(&f.class, "class", "", "a class list (CSV) instead of one student")
	flags.StringVar(&f.dir, "dir", "", "folder that the mail is kept in")
	flags.BoolVar(&f.log, "log", false, "show the mail log as it grows")
	flags.StringVar(&f.listen, "listen", "", "address to listen on, instead of the lab's")
	flags.StringVar(&f.host, "host", "", "host name or address to tell people to connect to")
	flags.IntVar(&f.base, "base", 0, "where the ports begin, instead of the lab's")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "give up starting after this time")
	_ = cmd.RegisterFlagCompletionFunc("lab", completeLabs)
	return cmd
}

// completeLabs completes the labs on board, and files.
func completeLabs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	names, _ := labs.List()
	return names, cobra.ShellCompDirectiveDefault
}

func (a *app) runSandbox(ctx context.Context, f sandboxFlags) error {
	a.flags.engine = cmp.Or(a.flags.engine, "embedded")
	if f.dir != "" && a.flags.engine != "embedded" {
		return usagef("--dir is for the embedded engine: elsewhere mail is on the engine's volumes")
	}
	release, err := a.openDir(&f)
	if err != nil {
		return err
	}
	defer release()
	defer a.tellLeave(ctx)()
	h := a.host(ctx, filepath.Join(a.DataDir, "seats"))
	defer h.end()
	a.Engines = instead(a.Engines, h.maker)
	if err := a.nameSandbox(ctx, &f); err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	u, err := a.begin(starting, f.upFlags)
	if u == nil {
		return err
	}
	if err == nil {
		a.welcome(u, f)
		a.attend(ctx, u, h, f.log)
	}
	keep := func(r engine.Resource) bool { return f.dir != "" && r.Kind == engine.Volume }
	return errors.Join(err, a.finish(ctx, u, keep))
}

// openDir makes the folder of the sandbox the data folder of this command. A folder that is kept belongs to one sandbox at
// a time.
func (a *app) openDir(f *sandboxFlags) (release func(), err error) {
	if f.dir == "" {
		return a.temporary()
	}
	if f.dir, err = filepath.Abs(f.dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, err
	}
	release, ok, err := filelock.Try(filepath.Join(f.dir, "lock"))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, usagef("--dir %s: another sandbox uses it", f.dir)
	}
	a.DataDir = f.dir
	return release, nil
}

// nameSandbox finds a name that is free: sandbox, sandbox-2, …
func (a *app) nameSandbox(ctx context.Context, f *sandboxFlags) error {
	f.fleeting = fleeting{name: a.flags.instance, alone: true}
	if f.fleeting.name != "" {
		return nil
	}
	around, err := a.look(ctx, "")
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, i := range around.instances {
		taken[i.Name] = i.Gateway
	}
	f.fleeting.name = "sandbox"
	for n := 2; taken[f.fleeting.name]; n++ {
		f.fleeting.name = fmt.Sprintf("sandbox-%d", n)
	}
	return nil
}

// welcome says what there is and what is missing.
func (a *app) welcome(u *upping, f sandboxFlags) {
	if a.flags.quiet {
		return
	}
	a.whereTo(u)
	if missing := u.engine.Capabilities().Missing; missing != "" {
		fmt.Fprintf(a.Err, "\nThis is the %s engine: %s.\n", u.engine.Capabilities().Name, missing)
	}
	if !u.engine.Capabilities().System {
		kept := "removed in the end"
		if f.dir != "" {
			kept = "kept"
		}
		fmt.Fprintf(a.Err, "The mailboxes are below %s (%s).\n", filepath.Join(a.DataDir, "seats"), kept)
	}
	if slices.ContainsFunc(slices.Collect(maps.Values(u.desired.Specs)), func(s spec.Sandbox) bool { return s.Tasks != nil }) {
		whose := ""
		if students := u.class.Students; len(students) > 1 {
			whose = " --student " + students[0].Key
		}
		fmt.Fprintf(a.Err, "The tasks, in another terminal: maillab -n %[1]s lab%[2]s; where you are: maillab -n %[1]s lab%[2]s check\n", u.name, whose)
	}
	fmt.Fprintf(a.Err, "Ctrl-C ends it; elsewhere: maillab -n %s status\n", u.name)
}

// attend stays until ctx ends or the sandbox is taken down by somebody else.
func (a *app) attend(ctx context.Context, u *upping, h *hosted, log bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := instance.Connect(u.engine, u.name)
	defer client.Close()
	var shown sync.WaitGroup
	defer shown.Wait()
	if log {
		screen := &shared{out: a.Out}
		for seat := range u.desired.Specs {
			shown.Go(func() {
				stream, err := client.Log(ctx, seat, 0, true)
				if err != nil {
					if ctx.Err() == nil {
						fmt.Fprintf(a.Err, "maillab: no mail log: %v\n", err)
					}
					return
				}
				defer stream.Close()
				if err := copyLines(screen, "", stream); err != nil && ctx.Err() == nil {
					fmt.Fprintf(a.Err, "maillab: mail log: %v\n", err)
				}
			})
		}
	}
	select {
	case <-ctx.Done():
	case <-h.ended:
		fmt.Fprintf(a.Err, "%s was taken down\n", u.name)
		cancel()
	}
}
