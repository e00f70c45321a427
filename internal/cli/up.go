package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/apply"
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/mail/auth"
	"maillab/internal/plan"
	"maillab/internal/pool"
	"maillab/internal/roster"
	"maillab/labs"
)

// upFlags are what up was told.
type upFlags struct {
	lab, class   string
	students     int
	listen, host string
	pool         string // that networks are taken from
	gateway      string // host, bridge, or "": as it is, or as the engine can
	base         int
	ttl, timeout time.Duration
	dryRun       bool
	parallel     int
	fleeting     fleeting // run and sandbox
}

func (a *app) up() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring a lab up for a class, or make it what it should be",
		Long: `Bring a lab up for a class: create what is missing, recreate what drifted (it asks when students' sessions would be
cut), repair what is half there, leave the rest alone, and wait until every service of every sandbox answers. The same
command again finishes what was interrupted.

Without -f the lab is the instance's own, else amiens-smtp-pop-imap. Without --class and --students the class is the one
of the last up, else the example beside the lab, else one student.`,
		Example: `  maillab up
  maillab up -f amiens-smtp-pop-imap --class m1.csv -n monday
  maillab up -f ./my-lab --students 30 --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return a.runUp(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.lab, "lab", "f", "", "the lab: a folder, a file, or the name of one on board")
	flags.StringVar(&f.class, "class", "", "the class list, CSV with a column name")
	flags.IntVar(&f.students, "students", 0, "so many students without a list")
	flags.StringVar(&f.listen, "listen", "", "address that the doors listen on, instead of the lab's; remembered")
	flags.StringVar(&f.host, "host", "", "host name or address that students are told to connect to; - is where the doors listen")
	flags.StringVar(&f.gateway, "gateway", "", "host or bridge: whose network the gateway is in; by default the host's where the engine has it")
	flags.IntVar(&f.base, "base", 0, "where the ports begin, instead of the lab's")
	flags.StringVar(&f.pool, "pool", "", "range that the instance's network is taken from, instead of "+pool.Default().String()+"; the same for all on a machine")
	flags.DurationVar(&f.ttl, "ttl", 0, "let prune remove the instance after this time, such as 4h")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "give up after this time")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done, with reasons")
	flags.IntVar(&f.parallel, "parallel", apply.DefaultParallel, "how many things to do with the engine at the same time")
	cmd.MarkFlagsMutuallyExclusive("class", "students")
	_ = cmd.RegisterFlagCompletionFunc("lab", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names, _ := labs.List()
		return names, cobra.ShellCompDirectiveDefault
	})
	return cmd
}

// check refuses what no flag can mean.
func (f upFlags) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	switch {
	case given("students") && f.students < 1:
		return usagef("--students %d: a class has at least one", f.students)
	case given("ttl") && f.ttl <= 0:
		return usagef("--ttl %v: say how long from now on, such as 4h", f.ttl)
	case given("timeout") && f.timeout <= 0:
		return usagef("--timeout %v: say how long to try, such as 5m", f.timeout)
	case given("parallel") && f.parallel < 1:
		return usagef("--parallel %d: at least one", f.parallel)
	case given("base") && (f.base < 1024 || f.base > 65000):
		return usagef("--base %d: from 1024 to 65000, as in a lab file", f.base)
	}
	return nil
}

func (a *app) runUp(ctx context.Context, f upFlags) error {
	defer a.tellLeave(ctx)()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	s, u, err := a.readUp(f)
	if err != nil {
		return err
	}
	if !f.dryRun {
		release, err := a.lock(ctx, u.name)
		if err != nil {
			return err
		}
		defer release()
	}
	if err := a.prepareUp(ctx, u, f, s); err != nil {
		return err
	}
	if !f.dryRun && len(u.existing.Resources) == 0 {
		return a.upNew(ctx, u, f, s)
	}
	client := instance.Connect(u.engine, u.name)
	defer client.Close()
	p := u.diff(ctx, client)
	if f.dryRun {
		fmt.Fprint(a.Out, p)
		return nil
	}
	if harm := harmOf(p); harm != "" {
		fmt.Fprint(a.Err, p)
		if err := a.confirm(ctx, "This "+harm+". Go on?"); err != nil {
			return err
		}
	}
	return a.carryOut(ctx, u, p, client, f.parallel)
}

// harmOf says in words what a plan takes away from students: mail and homes, and sessions; "" when nothing.
func harmOf(p plan.Plan) string {
	var lost []string
	for _, s := range p.Steps {
		if s.Action == plan.Remove && s.Target.Kind == engine.Volume {
			lost = append(lost, cmp.Or(s.Target.Labels[engine.LabelStudent], fmt.Sprintf("seat %d", s.Seat)))
		}
	}
	slices.Sort(lost)
	lost = slices.Compact(lost)
	var harm []string
	if len(lost) > 0 {
		harm = append(harm, "removes the mail and homes of "+strings.Join(lost, ", "))
	}
	if cut := p.Cuts(); len(cut) > 0 {
		harm = append(harm, "ends the sessions of "+strings.Join(cut, ", "))
	}
	return strings.Join(harm, ", and ")
}

// upNew brings up what was not there.
func (a *app) upNew(ctx context.Context, u *upping, f upFlags, s source) error {
	result, err := a.settle(ctx, u, f, s)
	if err == nil {
		err = a.ended(ctx, result, u.name+" is up")
	}
	if err == nil {
		a.whatNext(u)
	}
	return err
}

// carryOut walks the plan and tells how it went.
func (a *app) carryOut(ctx context.Context, u *upping, p plan.Plan, client *control.Client, parallel int) error {
	result, err := a.bring(ctx, u, p, client, parallel)
	if err != nil {
		return err
	}
	done := fmt.Sprintf("%s is up", u.name)
	if p.Empty() {
		done += ": nothing to do"
	}
	if err := a.ended(ctx, result, done); err != nil {
		return err
	}
	a.whatNext(u)
	return nil
}

// bring walks the plan.
func (a *app) bring(ctx context.Context, u *upping, p plan.Plan, client *control.Client, parallel int) (apply.Result, error) {
	if err := u.keep(); err != nil {
		return apply.Result{}, err
	}
	hasher, err := u.folder.Hasher(auth.Hash)
	if err != nil {
		return apply.Result{}, err
	}
	steering := instance.NewSteering(client, u.desired, hasher)
	steering.Watch(u.engine, u.name)
	return a.converge(ctx, p, apply.Config{
		Engine: u.engine, Control: steering, Parallel: parallel,
	}, func(ctx context.Context) (plan.Plan, error) { return u.again(ctx, client) })
}

// diff is the plan for what was observed.
func (u *upping) diff(ctx context.Context, client *control.Client) plan.Plan {
	return plan.Diff(u.desired.Resources, u.actual, u.desired.Hashes(), instance.Specs(ctx, client, u.existing))
}

// again observes anew, and is the plan for that.
func (u *upping) again(ctx context.Context, client *control.Client) (plan.Plan, error) {
	actual, err := u.engine.Observe(ctx, u.name)
	if err != nil {
		return plan.Plan{}, err
	}
	u.actual = instance.InForce(actual)
	for _, i := range instance.Of(actual) {
		u.existing = i
	}
	return u.diff(ctx, client), nil
}

// upping is an up with everything decided.
type upping struct {
	name     string
	engine   engine.Engine
	lab      *lab.Lab
	existing instance.Instance
	actual   []engine.Resource // of the instance, and the images
	desired  instance.Desired
	folder   instance.Folder
	seats    map[string]int
	class    roster.Class
	roster   []byte
	source   string // of the lab, to be found again: a name on board, or an absolute path
	host     string // what students are told to connect to
	// published is where the doors are; kept for the next up.
	published instance.Published
	alone     bool // no other instance is there: verbs need no -n
}

// keep keeps what must outlive the instance, before anything is created that depends on it.
func (u *upping) keep() error {
	if u.published != (instance.Published{}) { // a rendered one is published by others
		if err := u.folder.KeepPublished(u.published); err != nil {
			return err
		}
	}
	return errors.Join(u.folder.KeepSeats(u.seats), u.folder.KeepRoster(u.roster),
		u.folder.KeepSheet(u.desired.Specs, taskIDs(u.lab.Tasks), len(u.lab.Assign)),
		u.folder.KeepLab(u.source))
}

// readUp reads what was given: the lab and the class.
func (a *app) readUp(f upFlags) (source, *upping, error) {
	u := &upping{name: cmp.Or(f.fleeting.name, a.flags.instance)}
	ref, err := a.labOf(u.name, f.lab)
	if err != nil {
		return source{}, nil, err
	}
	s, err := find(ref)
	if err != nil {
		return s, nil, err
	}
	if u.lab, err = s.parse(); err != nil {
		return s, nil, err
	}
	u.source = s.lasting()
	u.name = cmp.Or(u.name, u.lab.Name)
	if err := checkName(u.name); err != nil {
		return s, nil, err
	}
	u.folder = instance.OpenFolder(a.DataDir, u.name)
	if u.class, u.roster, err = a.class(f, s, u.folder); err != nil {
		return s, nil, err
	}
	if f.fleeting.alone && u.lab.Topology == lab.Isolated && f.class == "" && f.students == 0 {
		u.class, u.roster = u.class.Alone(), nil
	}
	return s, u, nil
}

// labOf is the lab that was given, else the one that the instance was last brought up with, else the default.
func (a *app) labOf(name, given string) (string, error) {
	if given != "" || name == "" {
		return cmp.Or(given, labs.Default), nil
	}
	last, err := instance.OpenFolder(a.DataDir, name).Lab()
	return cmp.Or(last, labs.Default), err
}

// lock makes this command the only one that changes an instance.
func (a *app) lock(ctx context.Context, name string) (release func(), err error) {
	return instance.OpenFolder(a.DataDir, name).Lock(ctx, func() {
		fmt.Fprintf(a.Err, "another maillab is at work on %s: waiting for it\n", name)
	})
}

// prepareUp decides everything and creates nothing.
func (a *app) prepareUp(ctx context.Context, u *upping, f upFlags, s source) error {
	around, err := a.look(ctx, "")
	if err != nil {
		return err
	}
	if u.engine, err = a.choose(around, u.name); err != nil {
		return err
	}
	for _, i := range around.instances {
		if i.Name == u.name && i.Lab != "" && i.Lab != u.lab.Name {
			return usagef("%s is an instance of the lab %s, not of %s: give another name with -n, or take it down first", u.name, i.Lab, u.lab.Name)
		}
	}
	u.alone = len(around.instances) == 0 || len(around.instances) == 1 && around.instances[0].Name == u.name
	if err := a.wish(ctx, u, f, s, around); err != nil {
		return err
	}
	a.warnOpen(u)
	a.warnClosed(u)
	return nil
}

// class reads the class list: as told, as last time, as beside the lab, or one student.
func (a *app) class(f upFlags, s source, folder instance.Folder) (roster.Class, []byte, error) {
	if f.students > 0 {
		class := roster.Count(f.students)
		return class, listOf(class), nil
	}
	file, read := f.class, func() ([]byte, error) { return os.ReadFile(f.class) }
	if f.class == "" {
		file, read = "the class list of the last up", folder.Roster
	}
	text, err := read()
	if err == nil && text == nil {
		file = s.name + "/" + labs.Roster
		text, err = s.roster()
	}
	if err != nil {
		return roster.Class{}, nil, usage(err)
	}
	if text == nil {
		return roster.Count(1), listOf(roster.Count(1)), nil
	}
	class, err := roster.Read(file, text)
	return class, text, usageIf(err)
}

// listOf is a class list of students who have none, so that the next up knows who they are.
func listOf(class roster.Class) []byte {
	text := "name\n"
	for _, s := range class.Students {
		text += s.Key + "\n"
	}
	return []byte(text)
}

// choose takes the engine on which the instance is already, else the first that answers.
func (a *app) choose(around survey, name string) (engine.Engine, error) {
	for _, i := range around.instances {
		if i.Name == name {
			return i.engine, nil
		}
	}
	chosen := around.engines[0]
	if can := chosen.Capabilities(); len(around.problems) > 0 {
		fmt.Fprintf(a.Err, "%v\nusing engine %s instead: %s\n", errors.Join(around.problems...), can.Name, can.Missing)
	}
	return chosen, nil
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
