package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/apply"
	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/lab/source"
	"maillab/internal/period"
	"maillab/internal/request"
)

// upFlags are what up was told.
type upFlags struct {
	request.Flags
	name    string // of an instance that vanishes with its command, before -n
	timeout time.Duration

	dryRun, web bool
	parallel    int
}

func upVerb(a *app) *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring a lab up for a class, or make it what it should be",
		Long: `Bring a lab up for a class: create what is missing, recreate what drifted (it asks when students' sessions would be
cut), repair what is half there, leave the rest alone, and wait until every service of every sandbox answers. The same
command again finishes what was interrupted.

Without -f the lab is the instance's own, else amiens-smtp-pop-imap. Without --class and --students the class is the one
of the last up, else the example beside the lab, else one student.

Ports are base + 100 × seat + 22 (ssh), 25 (smtp), 10 (pop3), 43 (imap). A class that outgrows its ports gets others for who
is new; nobody's move. --listen, --host and --base move the doors of a class that is up, and no sandbox is made anew for it;
connections stay, but where Docker publishes the ports the gateway is made anew, which ends all sessions: it asks first.

--passwords gives the accounts other passwords than the lab's: made ones, or a column of the class list. Sheets, statements
and hints follow, and shells stay. What students chose with passwd is replaced, too.`,
		Example: `  maillab up
  maillab up -f amiens-smtp-pop-imap --class m1.csv -n monday
  maillab up -f ./my-lab --students 30 --dry-run`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			f.Page = given(cmd, "web", &f.web)
			return runUp(cmd.Context(), a, f)
		},
	}
	flags := cmd.Flags()
	f.AddLab(cmd, "")
	f.AddClass(cmd, "the class list")
	flags.StringVar(&f.Listen, "listen", "", "address that the doors listen on, instead of the lab's; remembered")
	flags.StringVar(&f.Host, "host", "", "host name or address that students are told to connect to; - is where the doors listen")
	flags.StringVar(&f.Gateway, "gateway", "", "host or ports: the gateway is on the host's network, or the engine forwards to its doors; by default host, where that is real")
	flags.StringVar(&f.Passwords, "passwords", "", "in place of the lab's: generate, column=NAME of the class list, or lab for its own again; remembered")
	commandline.Count(flags, &f.Base, "base", 0, request.Ports(), "where the ports begin, instead of the lab's")
	period.Var(flags, &f.TTL, "ttl", 0, "let prune remove the instance after this time, such as 4h or 2d")
	period.Var(flags, &f.timeout, "timeout", 10*time.Minute, "give up after this time")
	flags.BoolVar(&f.web, "web", false, "give the class a page of its own, at the base + 80; remembered")
	f.Serving.Add(flags)
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done, with reasons")
	commandline.Count(flags, &f.parallel, "parallel", apply.DefaultParallel, commandline.From(1), "how many things to do with the engine at the same time")
	return cmd
}

// given is a flag's value, nil when it was not given.
func given[T any](cmd *cobra.Command, flag string, value *T) *T {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return value
}

// check refuses what no flag can mean.
func (f upFlags) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	switch {
	case given("ttl") && f.TTL == 0:
		return usagef("--ttl 0: say how long from now on, such as 4h or 2d")
	case given("timeout") && f.timeout == 0:
		return usagef("--timeout 0: say how long to try, such as 5m")
	}
	_, err := lab.ParsePasswords(f.Passwords)
	return usage(err)
}

func runUp(ctx context.Context, a *app, f upFlags) error {
	defer a.tellLeave(ctx)()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	name, err := f.instance(a)
	if err != nil {
		return err
	}
	c := a.carrier()
	c.Parallel, c.Decided = f.parallel, func(o deploy.Outcome) { classroom.WriteDecided(a.Err, a.Tongue, o) }
	if f.dryRun {
		return planUp(ctx, a, c, f, name)
	}
	h, err := a.lock(ctx, name)
	if err != nil {
		return err
	}
	defer h.Release()
	r, s, err := f.request(a, name, h.Folder)
	if err != nil {
		return err
	}
	out, err := c.Up(ctx, h, r)
	for _, m := range out.Moved {
		a.Fprintln(a.Err, m.Said())
	}
	if err != nil {
		return request.Placed(s, err)
	}
	done := out.Name + " is up"
	if out.Nothing {
		done += ": nothing to do"
	}
	if err := a.ended(ctx, out.Result, done); err != nil {
		return err
	}
	if err := a.goOn(ctx, h, out); err != nil {
		return err
	}
	whatNext(a, out)
	return a.tellAside(out.Name)
}

// planUp is --dry-run.
func planUp(ctx context.Context, a *app, c deploy.Carrier, f upFlags, name string) error {
	folder := a.folder(name)
	r, s, err := f.request(a, name, folder)
	if err != nil {
		return err
	}
	out, p, err := c.Plan(ctx, folder, r)
	if err != nil {
		return request.Placed(s, err)
	}
	for _, g := range out.Gone {
		a.Fprintln(a.Out, g.Said())
	}
	fmt.Fprint(a.Out, a.Text(p.String()))
	return nil
}

// instance is the name of the instance: as told, else the lab's.
func (f upFlags) instance(a *app) (string, error) {
	if name := cmp.Or(f.name, a.flags.instance); name != "" {
		return name, usage(instance.CheckName(name))
	}
	return f.Name()
}

// request reads what was given: the lab and the class, or those of the last up.
func (f upFlags) request(a *app, name string, folder instance.Folder) (deploy.Request, source.Lab, error) {
	return f.Read(name, folder, a.Err, a.Tongue)
}
