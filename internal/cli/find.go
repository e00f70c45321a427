package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"maillab/images"
	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/mail/auth"
	"maillab/internal/plan"
	"maillab/internal/request"
	"maillab/internal/standby"
)

// running is an instance with the engine that runs it.
type running = deploy.Running

// look asks every engine (or the one that --engine names) side by side for the instances called name, or for all.
func (a *app) look(ctx context.Context, name string) (deploy.Survey, error) {
	makers, err := a.makers()
	if err != nil {
		return deploy.Survey{}, err
	}
	return deploy.Look(ctx, makers, name)
}

// makers are the engines that --engine allows.
func (a *app) makers() ([]deploy.Maker, error) {
	if a.flags.engine == "" {
		return a.Engines, nil
	}
	var names []string
	for _, m := range a.Engines {
		if m.Name == a.flags.engine {
			return []deploy.Maker{m}, nil
		}
		names = append(names, m.Name)
	}
	return nil, usagef("no engine is called %q: %s", a.flags.engine, strings.Join(names, ", "))
}

// the finds the instance that a verb is about: -n, or the only one.
func (a *app) the(ctx context.Context) (running, error) {
	i, err := a.found(ctx)
	if err == nil && i.Bare() {
		return running{}, deploy.Down(a.folder(i.Name), i.Name, true, a.zone(i.Name))
	}
	return i, err
}

// found finds it also where nothing but volumes is left.
func (a *app) found(ctx context.Context) (running, error) {
	s, err := a.look(ctx, a.flags.instance)
	if err != nil {
		return running{}, err
	}
	if up := s.Up(); a.flags.instance == "" && len(up) > 0 {
		s.Instances = up
	}
	switch {
	case len(s.Instances) == 1:
		return s.Instances[0], nil
	case len(s.Instances) == 0 && len(s.Problems) > 0:
		return running{}, perhapsThere(s, a.flags.instance)
	case len(s.Instances) == 0:
		return running{}, a.notUp()
	case a.flags.instance != "":
		return running{}, usagef("%q runs on two engines: say which with --engine", a.flags.instance)
	}
	return running{}, usagef("several instances are up: say which with -n: %s", strings.Join(s.Names(request.Owner()), ", "))
}

// notUp is that nothing is up, or not what is called so. Of what was taken down it says since when.
func (a *app) notUp() error {
	name := a.down(engine.ErrNotFound)
	if name != "" {
		if err := deploy.Down(a.folder(name), name, false, a.zone(name)); err != nil {
			return err
		}
	}
	if a.flags.instance != "" {
		return withHint(fmt.Errorf("%w: no instance is called %q", engine.ErrNotFound, a.flags.instance), "maillab ls lists those that there are")
	}
	return withHint(fmt.Errorf("%w: no instance is up", engine.ErrNotFound), "maillab up brings one up")
}

// perhapsThere is that nothing was found while an engine that may have it does not answer.
func perhapsThere(s deploy.Survey, name string) error {
	what := "no instance is up on the engines that answer"
	if name != "" {
		what = fmt.Sprintf("no instance is called %q on the engines that answer", name)
	}
	return &commandline.Error{Err: fmt.Errorf("%w: %s", engine.ErrNotFound, what), Code: exitNoEngine, Mend: unanswered(s) +
		"\nmaillab doctor looks at the engines; --engine asks one only"}
}

// unanswered tells which engines did not answer.
func unanswered(s deploy.Survey) string { return "not asked: " + errors.Join(s.Problems...).Error() }

// folder is what outlives an instance, to be read.
func (a *app) folder(name string) instance.Folder { return instance.OpenFolder(a.DataDir, name) }

// lock makes this command the only one that changes an instance.
func (a *app) lock(ctx context.Context, name string) (*instance.Held, error) {
	return a.folder(name).Lock(ctx, a.waiting(name))
}

// hold is lock for one that is there, which is looked at anew.
func (a *app) hold(ctx context.Context, i running) (running, *instance.Held, error) {
	return deploy.Hold(ctx, a.folder(i.Name), i, a.waiting(i.Name))
}

// held finds the instance that a verb is about, and holds it.
func (a *app) held(ctx context.Context) (running, *instance.Held, error) {
	i, err := a.the(ctx)
	if err != nil {
		return i, nil, err
	}
	return a.hold(ctx, i)
}

func (a *app) waiting(name string) func() {
	return func() { a.Fprintf(a.Err, "another maillab is at work on %s: waiting for it\n", name) }
}

// carrier carries deployments out for this command line.
func (a *app) carrier() deploy.Carrier {
	makers, _ := a.makers() // prepare has told
	return deploy.Carrier{
		Makers: makers, All: a.Engines, Image: images.Tag, Filter: images.FilterTag, Now: a.Now, Hash: auth.Hash, Events: a.progress,
		Agree: func(ctx context.Context, p plan.Plan, harm string) error {
			if !p.Empty() {
				fmt.Fprint(a.Err, a.Text(p.String()))
			}
			return a.confirm(ctx, "This "+harm+". Go on?")
		},
		Rescue: a.rescue,
		Copies: func(name string) deploy.Copies { return standby.Copies{Store: snapshotsIn(a, name), Now: a.Now} },
	}
}

// those finds the instance that a verb is about, and these students in it; all of them when none is named.
func (a *app) those(ctx context.Context, typed []string) (running, instance.Chosen, error) {
	i, err := a.the(ctx)
	if err != nil {
		return running{}, instance.Chosen{}, err
	}
	chosen, err := a.some(i, typed)
	return i, chosen, err
}

// some are these students of an instance.
func (a *app) some(i running, typed []string) (instance.Chosen, error) {
	people, err := a.people(i)
	if err != nil {
		return instance.Chosen{}, err
	}
	chosen, err := i.Choose(people, typed)
	return chosen, usage(err)
}

// people are the students of an instance, with what the class list knows of them.
func (a *app) people(i running) (instance.People, error) {
	known, err := a.folder(i.Name).Seats()
	return i.People(known), err
}

// theOne finds the instance that a verb is about, and one student of it as theStudent does.
func (a *app) theOne(ctx context.Context, typed string) (i running, s instance.Sandbox, student string, err error) {
	if i, err = a.the(ctx); err == nil {
		s, student, err = a.theStudent(i, typed)
	}
	return i, s, student, err
}

// theStudent finds one student, and the sandbox, which runs.
func (a *app) theStudent(i running, typed string) (instance.Sandbox, string, error) {
	chosen, err := a.some(i, []string{typed})
	if err != nil {
		return instance.Sandbox{}, "", err
	}
	s := chosen.Sandboxes[0]
	key, err := oneOf(chosen, typed)
	if err != nil {
		return s, "", err
	}
	if err := classroom.NotRunning(s); err != nil {
		return s, "", fmt.Errorf("%s: %w", s.Name(), err)
	}
	return s, key, nil
}

// oneOf is the one student who was meant.
func oneOf(chosen instance.Chosen, typed string) (string, error) {
	keys := chosen.Keys()
	if len(keys) != 1 {
		return "", usagef("%s are %s: name one student", typed, classroom.Count(len(keys), "student"))
	}
	return keys[0], nil
}
