package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/apply"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/lab/source"
	"maillab/internal/period"
	"maillab/internal/roster"
	"maillab/labs"
)

// upFlags are what up was told.
type upFlags struct {
	lab string
	listFlags
	students     int
	listen, host string
	passwords    string // lab, generate, column=NAME, or "": as last time
	gateway      string // host, ports, or "": as it is, or as the engine can
	base         int
	ttl, timeout time.Duration
	dryRun       bool
	web          bool
	page         *bool // nil: web was not given
	parallel     int
	fleeting     fleeting // run and sandbox
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
			f.page = given(cmd, "web", &f.web)
			return runUp(cmd.Context(), a, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.lab, "lab", "f", "", "the lab: a folder, a file, or the name of one on board")
	f.add(cmd, "the class list")
	flags.IntVar(&f.students, "students", 0, "so many students without a list")
	flags.StringVar(&f.listen, "listen", "", "address that the doors listen on, instead of the lab's; remembered")
	flags.StringVar(&f.host, "host", "", "host name or address that students are told to connect to; - is where the doors listen")
	flags.StringVar(&f.gateway, "gateway", "", "host or ports: the gateway is on the host's network, or the engine forwards to its doors; by default host, where that is real")
	flags.StringVar(&f.passwords, "passwords", "", "in place of the lab's: generate, column=NAME of the class list, or lab for its own again; remembered")
	flags.IntVar(&f.base, "base", 0, "where the ports begin, instead of the lab's")
	period.Var(flags, &f.ttl, "ttl", 0, "let prune remove the instance after this time, such as 4h or 2d")
	period.Var(flags, &f.timeout, "timeout", 10*time.Minute, "give up after this time")
	flags.BoolVar(&f.web, "web", false, "give the class a page of its own, at the base + 80; remembered")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done, with reasons")
	flags.IntVar(&f.parallel, "parallel", apply.DefaultParallel, "how many things to do with the engine at the same time")
	cmd.MarkFlagsMutuallyExclusive("class", "students")
	_ = cmd.RegisterFlagCompletionFunc("lab", completeLabs)
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
	case given("students") && f.students < 1:
		return usagef("--students %d: a class has at least one", f.students)
	case given("ttl") && f.ttl == 0:
		return usagef("--ttl 0: say how long from now on, such as 4h or 2d")
	case given("timeout") && f.timeout == 0:
		return usagef("--timeout 0: say how long to try, such as 5m")
	case given("parallel") && f.parallel < 1:
		return usagef("--parallel %d: at least one", f.parallel)
	case given("base") && (f.base < 1024 || f.base > 65000):
		return usagef("--base %d: from 1024 to 65000, as in a lab file", f.base)
	}
	_, err := lab.ParsePasswords(f.passwords)
	return usageIf(err)
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
	c.Parallel, c.Decided = f.parallel, func(o deploy.Outcome) { tellDecided(a, o) }
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
	if err != nil {
		return placed(s, err)
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
	return nil
}

// planUp is --dry-run.
func planUp(ctx context.Context, a *app, c deploy.Carrier, f upFlags, name string) error {
	folder := a.folder(name)
	r, s, err := f.request(a, name, folder)
	if err != nil {
		return err
	}
	_, p, err := c.Plan(ctx, folder, r)
	if err != nil {
		return placed(s, err)
	}
	fmt.Fprint(a.Out, a.Text(p.String()))
	return nil
}

// tellDecided tells what somebody might not expect.
func tellDecided(a *app, o deploy.Outcome) {
	if len(o.Silent) > 0 {
		can := o.Engine.Capabilities()
		a.Fprintf(a.Err, "%v\nusing engine %s instead: %s\n", errors.Join(o.Silent...), can.Name, can.Missing)
	}
	for _, n := range o.Notes {
		a.Fprintln(a.Err, n)
	}
	for _, w := range o.Warnings {
		a.Fprintf(a.Err, "warning: %s\n", w)
	}
}

// instance is the name of the instance: as told, else the lab's.
func (f upFlags) instance(a *app) (string, error) {
	name := cmp.Or(f.fleeting.name, a.flags.instance)
	if name == "" {
		s, err := find(cmp.Or(f.lab, labs.Default))
		if err != nil {
			return "", err
		}
		l, err := parse(s)
		if err != nil {
			return "", err
		}
		name = l.Name
	}
	return name, checkName(name)
}

// request reads what was given: the lab and the class, or those of the last up.
func (f upFlags) request(a *app, name string, folder instance.Folder) (r deploy.Request, s source.Lab, err error) {
	ref := f.lab
	if ref == "" {
		if ref, err = folder.Lab(); err != nil {
			return r, s, err
		}
	}
	if s, err = find(cmp.Or(ref, labs.Default)); err != nil {
		return r, s, err
	}
	r = deploy.Request{
		Name: name, Source: s.Lasting(), Owner: owner(), TTL: f.ttl, Listen: f.listen, Host: f.host, Base: f.base, Gateway: f.gateway, Web: f.page,
		Passwords: f.passwords,
		Run:       f.fleeting.run, Labels: f.fleeting.labels,
	}
	if r.Lab, err = parse(s); err != nil {
		return r, s, err
	}
	if r.Class, r.Roster, err = f.classList(a, s, folder); err != nil {
		return r, s, err
	}
	if f.fleeting.alone && r.Lab.Topology == lab.Isolated && f.class == "" && f.students == 0 {
		r.Class, r.Roster = r.Class.Alone(), nil
	}
	return r, s, nil
}

// classList reads the class list: as told, as last time, as beside the lab, or one student.
func (f upFlags) classList(a *app, s source.Lab, folder instance.Folder) (roster.Class, []byte, error) {
	if f.class != "" {
		class, err := f.read(a)
		return class, class.CSV(), err
	}
	if _, err := f.options(); err != nil {
		return roster.Class{}, nil, err
	}
	class := roster.Count(max(f.students, 1))
	if f.students > 0 {
		return class, class.CSV(), nil
	}
	file := "the class list of the last up"
	text, err := folder.Roster()
	if err == nil && text == nil {
		file = s.Name + "/" + labs.Roster
		text, err = s.Roster()
	}
	if err != nil {
		return roster.Class{}, nil, usage(err)
	}
	if text != nil {
		class, _, err = roster.Read(file, bytes.NewReader(text), roster.Options{})
	}
	return class, class.CSV(), usageIf(err)
}

// owner is who brings it up.
func owner() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// checkName keeps to what container names, host names and files can be.
func checkName(name string) error {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return usagef("an instance's name has lower-case letters, digits and dashes only: %q", name)
		}
	}
	if strings.HasPrefix(name, "-") || name == "" || len(name) > 40 {
		return usagef("an instance's name has 1 to 40 characters and begins with a letter or digit: %q", name)
	}
	return nil
}
