package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"maillab/internal/classroom"
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/register"
)

// results are what students did: as their sandboxes say, or, where nothing of the instance runs, as they said last.
type results struct {
	name    string
	entries register.Register
	asOf    time.Time // of what was kept; zero: it is of now
	chosen  instance.Chosen
	failed  map[int]error // sandboxes that did not answer
}

// class is one that is up, or that is known here and is not.
type class struct {
	*app
	name string
	up   *running // nil: nothing of it runs
}

// class finds the instance that a verb is about, also where nothing of it runs.
func (a *app) class(ctx context.Context) (class, error) {
	i, err := a.the(ctx)
	if name := a.down(err); name != "" {
		return class{a, name, nil}, nil
	}
	return class{a, i.Name, &i}, err
}

// results asks the sandboxes, and enters what they say in the register; or reads that.
func (c class) results(ctx context.Context, typed []string, request control.CheckRequest) (r results, err error) {
	if c.up == nil {
		return c.kept(typed, request)
	}
	r.name = c.name
	if r.chosen, err = c.some(*c.up, typed); err != nil {
		return r, err
	}
	r.entries, r.failed = classroom.Check(ctx, *c.up, r.chosen, request, c.Now())
	if request.Since.IsZero() && len(request.Tasks) == 0 {
		if err := c.enter(ctx, c.name, r.entries); err != nil {
			c.mention([]string{fmt.Sprintf("the results are not kept: %v", err)})
		}
	}
	return r, nil
}

// down is the instance that is meant where none was found: one that is known here and not up. "" where there is none, or where
// several may be meant.
func (a *app) down(notFound error) string {
	if !errors.Is(notFound, engine.ErrNotFound) {
		return ""
	}
	names := instance.Registered(a.DataDir)
	if a.flags.instance != "" {
		names = []string{a.flags.instance}
	}
	if len(names) != 1 {
		return ""
	}
	if entries, err := a.folder(names[0]).Register(); err != nil || len(entries) == 0 {
		return ""
	}
	return names[0]
}

// kept is what the register says.
func (c class) kept(typed []string, request control.CheckRequest) (results, error) {
	r := results{name: c.name}
	if !request.Since.IsZero() {
		return r, usagef("%s is not up: --since asks the sandboxes", c.name)
	}
	entries, err := c.folder(c.name).Register()
	if err != nil {
		return r, err
	}
	if r.chosen, err = c.absent(typed); err != nil {
		return r, err
	}
	r.entries = entries.Some(r.chosen.Keys()).Tasks(request.Tasks)
	r.asOf = r.entries.AsOf()
	c.mention([]string{fmt.Sprintf("%s is not up: this is as of %s", c.name, r.asOf.In(c.zone(c.name)).Format(time.DateTime))})
	return r, nil
}

// absent are students of an instance of which nothing runs.
func (c class) absent(typed []string) (instance.Chosen, error) {
	seats, err1 := c.folder(c.name).Seats()
	entries, err2 := c.folder(c.name).Register()
	if err := errors.Join(err1, err2); err != nil {
		return instance.Chosen{}, err
	}
	chosen, err := instance.Instance{Name: c.name}.Choose(instance.PeopleIn(seats, entries.Students()), typed)
	return chosen, usageIf(err)
}

// keepPatience is how long somebody else may be at work on the instance before results are not kept.
const keepPatience = 10 * time.Second

// enter keeps what sandboxes said where the instance was brought up.
func (a *app) enter(ctx context.Context, name string, entries register.Register) error {
	if !a.folder(name).Exists() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	h, err := a.folder(name).Lock(ctx, nil)
	if err != nil {
		return err
	}
	defer h.Release()
	return h.Enter(entries...)
}

// in are the results of an epoch, which is typed as its number, or as a time that was in it.
func (r results) in(a *app, typed string) (results, error) {
	if typed == "" {
		return r, nil
	}
	when, err := classroom.ParseEpoch(typed, a.zone(r.name))
	if err != nil {
		return r, usage(err)
	}
	if r.entries = r.entries.In(when); len(r.entries) == 0 {
		return r, withHint(usagef("nobody has an epoch %s", typed), "maillab check --history tells which there are")
	}
	return r, nil
}

// rescue takes a snapshot of those who lose their mail, says where it is, and asks when there is none of somebody.
func (a *app) rescue(ctx context.Context, h *instance.Held, i running, leaving instance.Chosen) error {
	name, failed, err := classroom.Rescue(ctx, h, i, leaving, a.Now())
	if err != nil {
		return fmt.Errorf("nothing was removed: no snapshot of %s: %w", leaving.Meant(), err)
	}
	for _, s := range leaving.Sandboxes {
		who := strings.Join(leaving.Students(s), ", ")
		if failed[s.Seat] == nil {
			a.Fprintf(a.Err, "snapshot %s has what %s had: it is in %s\n", name, who, h.Snapshots())
			continue
		}
		if err := a.confirm(ctx, fmt.Sprintf("No snapshot could be taken of %s (%v). Go on without it?", who, failed[s.Seat])); err != nil {
			return err
		}
	}
	return nil
}
