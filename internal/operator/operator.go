// Package operator is the verbs of who looks after the machines that an instance is on: one is emptied, or watched over, so that who was
// on one that dies is placed anew.
package operator

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/apply"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/period"
	"maillab/internal/plan"
	"maillab/internal/say"
)

// Desk is the command line that the verbs are part of.
type Desk interface {
	// The finds the instance that a verb is about, and Hold holds it.
	The(ctx context.Context) (deploy.Running, error)
	Hold(ctx context.Context, i deploy.Running) (deploy.Running, *instance.Held, error)
	// Again is the request that makes an instance what the last up wanted.
	Again(h *instance.Held) (deploy.Request, error)
	Carrier() deploy.Carrier
	Confirm(ctx context.Context, question string) error
	// Ended tells what became of a plan; done is said when all of it was.
	Ended(ctx context.Context, r apply.Result, done string) error
	// Told is where is told what happens, and in which language.
	Told() (io.Writer, say.Tongue)
}

// Drain is the verb that moves what is on one machine to others.
func Drain(d Desk) *cobra.Command {
	return &cobra.Command{
		Use:   "drain NODE",
		Short: "Move what is on one machine of a swarm to the others",
		Long: `Move the sandboxes that are on one machine of a swarm to the others, with nothing lost: their doors are closed and who is
connected is let go, what they have is kept as a snapshot and put back on another machine, then the doors open, at the same
addresses. Only who is there notices, for half a minute. It asks first.

The machine may then be switched off. docker node update --label-add maillab=no NODE keeps new sandboxes off it.`,
		Args: commandline.Takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return drain(cmd.Context(), d, args[0]) },
	}
}

func drain(ctx context.Context, d Desk, node string) error {
	i, err := d.The(ctx)
	if err != nil {
		return err
	}
	i, h, err := d.Hold(ctx, i)
	if err != nil {
		return err
	}
	defer h.Release()
	if err := d.Confirm(ctx, fmt.Sprintf("Move what is on %s to other machines? Who is connected there is let go.", node)); err != nil {
		return err
	}
	given, err := d.Carrier().Drain(ctx, i, node)
	if err != nil {
		return err
	}
	done := fmt.Sprintf("nothing is on %s any more", node)
	if given == 0 {
		return d.Ended(ctx, apply.Result{}, done)
	}
	r, err := d.Again(h)
	if err != nil {
		return err
	}
	out, err := d.Carrier().Up(ctx, h, r)
	if err != nil {
		return err
	}
	return d.Ended(ctx, out.Result, done)
}

// Watch is the verb that has who was on a machine that dies placed anew by itself.
func Watch(d Desk) *cobra.Command {
	after := time.Minute
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Place anew by itself who was on a machine that dies",
		Long: `Look at the machines of a swarm until Ctrl-C. When one has not answered for a while, nor its gateway been heard by the others, do what
up -y does: who was there is placed anew on other machines, from the copies that these keep. It is told as it happens.`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return watch(cmd.Context(), d, after) },
	}
	period.Var(cmd.Flags(), &after, "after", time.Minute, "for how long a machine has to be gone, such as 30s or 2m")
	return cmd
}

// look is how often a watch looks.
const look = 5 * time.Second

func watch(ctx context.Context, d Desk, after time.Duration) error {
	out, tongue := d.Told()
	i, err := d.The(ctx)
	if err != nil {
		return err
	}
	if !i.Engine.Capabilities().Nodes {
		return &deploy.RefusedError{Err: fmt.Errorf("engine %s has one machine: nothing can be placed elsewhere when it dies", i.Engine.Capabilities().Name)}
	}
	tongue.Fprintf(out, "watching the machines of %s\n", i.Name)
	since := map[string]time.Time{} // by machine, that it was seen to be gone
	for {
		due, err := gone(ctx, i, since, after)
		if err == nil && due {
			err = anew(ctx, d, i)
		}
		if err != nil && ctx.Err() == nil {
			tongue.Fprintf(out, "maillab: %v\n", err) // the next look may find more
		}
		if err := period.Wait(ctx, look); err != nil {
			return err
		}
		if now, err := deploy.Again(ctx, i); err == nil {
			i = now
		}
	}
}

// gone tells whether a machine has been gone for so long.
func gone(ctx context.Context, i deploy.Running, since map[string]time.Time, after time.Duration) (due bool, err error) {
	nodes, err := deploy.GoneNodes(ctx, i)
	if err != nil {
		return false, err
	}
	for id := range since {
		if !slices.ContainsFunc(nodes, func(g deploy.Gone) bool { return g.ID == id }) {
			delete(since, id)
		}
	}
	for _, g := range nodes {
		if since[g.ID].IsZero() {
			since[g.ID] = time.Now()
		}
		due = due || time.Since(since[g.ID]) >= after
	}
	return due, nil
}

// anew is up -y.
func anew(ctx context.Context, d Desk, i deploy.Running) error {
	i, h, err := d.Hold(ctx, i)
	if err != nil {
		return err
	}
	defer h.Release()
	r, err := d.Again(h)
	if err != nil {
		return err
	}
	c := d.Carrier()
	c.Agree = func(_ context.Context, p plan.Plan, harm string) error {
		if p.Empty() {
			return nil // nothing more than what is gone is given up
		}
		return fmt.Errorf("more than who was on it would be touched, as this %s: maillab up asks", harm)
	}
	up, err := c.Up(ctx, h, r)
	out, tongue := d.Told()
	for _, m := range up.Moved {
		tongue.Fprintln(out, m.Said())
	}
	if err != nil {
		return err
	}
	return d.Ended(ctx, up.Result, i.Name+" is up")
}
