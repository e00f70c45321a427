package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"maillab/internal/classroom"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/plan"
	"maillab/internal/request"
)

// class is one that is up, or that is known here and is not.
type class struct {
	*app
	running
	up   bool
	away error // that there is more of it than the folder has: on an engine that does not answer, or in volumes
}

// class finds the instance that a verb is about, also where nothing of it runs: then as it was at the last up.
func (a *app) class(ctx context.Context) (class, error) {
	i, err := a.the(ctx)
	name := a.down(err)
	if name == "" {
		return class{a, i, true, nil}, err
	}
	var away error
	var down *deploy.DownError
	switch {
	case exitCode(err) == exitNoEngine:
		away = deploy.Away(a.folder(name), name)
	case errors.As(err, &down) && down.Left:
		away = down
	}
	sheet, err := a.known(name)
	return class{a, running{Instance: sheet.Instance(name)}, false, away}, err
}

// down is the instance that is meant where none was found: one that is known here and not up. "" where there is none, or where
// several may be meant.
func (a *app) down(notFound error) string {
	names := instance.Kept(a.DataDir)
	if a.flags.instance != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return name != a.flags.instance })
	}
	if !errors.Is(notFound, engine.ErrNotFound) || len(names) != 1 {
		return ""
	}
	return names[0]
}

// results asks the sandboxes, and enters what they say in the register; or reads that.
func (c class) results(ctx context.Context, typed []string, request control.CheckRequest) (r classroom.Results, err error) {
	chosen, err := c.some(c.running, typed)
	switch {
	case err != nil:
		return r, err
	case c.up:
		if r, err = classroom.Ask(ctx, c.running, chosen, request, c.folder(c.Name), c.Now()); err != nil && ctx.Err() == nil {
			c.mention([]string{fmt.Sprintf("the results are not kept: %v", err)})
		}
		return r, ctx.Err()
	case !request.Since.IsZero():
		return r, usagef("%s is not up: --since asks the sandboxes", c.Name)
	}
	if r, err = classroom.Read(c.Name, c.folder(c.Name), chosen, request.Tasks); err == nil {
		c.old(r.AsOf)
	}
	return r, err
}

// old says of when that is which is told of an instance of which nothing runs.
func (c class) old(asOf time.Time) {
	why := fmt.Sprintf("%s is not up", c.Name)
	if c.away != nil {
		why = c.away.Error()
	}
	c.mention([]string{fmt.Sprintf("%s: this is as of %s", why, asOf.In(c.zone(c.Name)).Format(time.DateTime))})
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

// goOn hands new sandboxes what was kept of their students' work.
func (a *app) goOn(ctx context.Context, h *instance.Held, o deploy.Outcome) error {
	entries, err := h.Register()
	if err != nil || len(entries) == 0 || o.Nothing {
		return err
	}
	i, err := observed(ctx, o)
	if err != nil {
		return err
	}
	going, failed := classroom.GoOn(ctx, i, entries)
	if len(going) > 0 {
		a.Fprintf(a.Err, "the work of %s goes on as it was kept; maillab reset begins anew\n", classroom.Students(len(going)))
	}
	return a.failures(i.Sandboxes, failed)
}

// keepLast fetches results before an instance goes.
func (a *app) keepLast(ctx context.Context, h *instance.Held, i running) {
	failed, err := classroom.KeepLast(ctx, h, i, a.Now())
	if err != nil {
		a.mention([]string{fmt.Sprintf("the results are not kept: %v", err)})
	}
	for _, s := range i.Sandboxes {
		if failed[s.Seat] != nil {
			a.mention([]string{fmt.Sprintf("%s: what is kept is as it was told last: %v", s.Name(), failed[s.Seat])})
		}
	}
}

// upWithout brings an instance to what it was at the last up, without a student, of whom nothing is kept.
func (c class) upWithout(ctx context.Context, h *instance.Held, student string) (running, error) {
	r, s, err := upFlags{}.request(c.app, c.Name, h.Folder)
	if err != nil {
		return running{}, err
	}
	class, err := h.Class()
	if err != nil {
		return running{}, err
	}
	r.Class = class.Without(student)
	r.Roster, r.Host = r.Class.CSV(), c.Host
	if !c.Expires.IsZero() && r.Lab.Topology == lab.Shared { // it is made anew
		r.TTL = c.Expires.Sub(c.Now())
	}
	carrier := c.carrier()
	carrier.Rescue, carrier.Agree = nil, func(context.Context, plan.Plan, string) error { return nil }
	out, err := carrier.Up(ctx, h, r)
	if err != nil {
		return running{}, request.Placed(s, err)
	}
	if err := c.ended(ctx, out.Result, out.Name+" is up"); err != nil {
		return running{}, err
	}
	return observed(ctx, out)
}
