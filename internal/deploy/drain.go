package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// Drain gives up what is on a machine that answers, with nothing lost: the doors of its sandboxes are closed on all machines and who
// is connected is let go, what they have is kept, and they end. The next Up places them on others, puts it back, and opens the doors.
// It tells how many were given up. Killed before it has kept everything, the next Up opens the doors where they were.
func (c Carrier) Drain(ctx context.Context, i Running, node string) (given int, err error) {
	mover, ok := i.Engine.(engine.Mover)
	if !ok || c.Copies == nil {
		return 0, refusef("engine %s has one machine: there is none to move to", i.Engine.Capabilities().Name)
	}
	from, err := drained(ctx, mover, i.Name, node)
	if err != nil {
		return 0, err
	}
	seats := slices.DeleteFunc(slices.Clone(i.Sandboxes), func(s instance.Sandbox) bool {
		return s.Target.Node != from.ID || s.State != engine.Running
	})
	if len(seats) == 0 {
		return 0, nil
	}
	names, err := c.empty(ctx, mover, i, seats)
	if err != nil {
		return 0, errors.Join(err, reopen(ctx, mover, i, seats))
	}
	failed := instance.Each(ctx, seats, func(ctx context.Context, s instance.Sandbox) error {
		return mover.Displace(ctx, i.Name, s.Seat, names[s.Seat])
	})
	for _, s := range seats {
		err = errors.Join(err, failed[s.Seat])
	}
	return len(seats) - len(failed), err
}

// drained finds a machine by its name or ID, and that there are others.
func drained(ctx context.Context, mover engine.Mover, name, node string) (from engine.Node, err error) {
	nodes, err := mover.Nodes(ctx, name)
	if err != nil {
		return from, err
	}
	var names []string
	others := 0
	for _, n := range nodes {
		names = append(names, n.Name)
		if n.ID == node || n.Name == node {
			from = n
		} else if !n.Away {
			others++
		}
	}
	switch {
	case from.ID == "":
		return from, refusef("%s is on no machine called %q: %s", name, node, strings.Join(names, ", "))
	case from.Away:
		return from, refusef("%s does not answer: maillab up places anew what is there", from.Name)
	case others == 0:
		return from, refusef("there is no other machine than %s", from.Name)
	}
	return from, nil
}

// empty closes sandboxes' doors and keeps what they have.
func (c Carrier) empty(ctx context.Context, mover engine.Mover, i Running, seats []instance.Sandbox) (map[int]string, error) {
	client := i.Client()
	defer client.Close()
	failed := instance.Each(ctx, seats, func(ctx context.Context, s instance.Sandbox) error {
		_ = tellThem(ctx, client, s.Seat) // who does not hear of it is let go all the same
		return mover.Hold(ctx, i.Name, s.Seat)
	})
	for _, err := range failed {
		return nil, err
	}
	if err := instance.Repaint(ctx, i.Engine, i.Name, client); err != nil {
		return nil, fmt.Errorf("closing doors: %w", err)
	}
	return c.Copies(i.Name).Take(ctx, i, seats)
}

// tellPatience is how long a sandbox may take to tell who has a terminal in it.
const tellPatience = 5 * time.Second

func tellThem(ctx context.Context, client *control.Client, seat int) error {
	ctx, cancel := context.WithTimeout(ctx, tellPatience)
	defer cancel()
	return client.Seat(seat).Moving(ctx)
}

// reopenPatience is how long opening doors again may take that were closed for nothing.
const reopenPatience = 30 * time.Second

// reopen lets students in again where they were.
func reopen(ctx context.Context, mover engine.Mover, i Running, seats []instance.Sandbox) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reopenPatience)
	defer cancel()
	var err error
	for _, s := range seats {
		err = errors.Join(err, mover.Settle(ctx, i.Name, s.Seat))
	}
	client := i.Client()
	defer client.Close()
	return errors.Join(err, instance.Repaint(ctx, i.Engine, i.Name, client))
}
