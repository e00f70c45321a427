package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/depot"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/plan"
)

// Gone is a machine that does not answer any more, and whose gateway is not heard by the others, with the sandboxes that are there.
type Gone struct {
	engine.Node
	Since     time.Time // the others have not heard it since then; zero: not known
	Sandboxes []instance.Sandbox
	Copies    map[int]time.Time // from when the newest is that the others' gateways keep, by seat; nil: they could not be asked
}

// Said is what is told of it.
func (g Gone) Said() string {
	var names []string
	for _, s := range g.Sandboxes {
		at, is := g.Copies[s.Seat]
		switch {
		case is:
			names = append(names, fmt.Sprintf("%s (copy of %s)", s.Name(), at.Local().Format(time.TimeOnly)))
		case g.Copies == nil:
			names = append(names, fmt.Sprintf("%s (what copies there are is not known)", s.Name()))
		default:
			names = append(names, fmt.Sprintf("%s (no copy)", s.Name()))
		}
	}
	if g.Since.IsZero() {
		return fmt.Sprintf("%s is gone; maillab up places anew what is there: %s", g.Name, strings.Join(names, ", "))
	}
	return fmt.Sprintf("%s is gone since %s; maillab up places anew what is there: %s", g.Name, g.Since.Local().Format(time.TimeOnly), strings.Join(names, ", "))
}

// Copies are what is kept elsewhere of sandboxes, for when their machine is gone. A seat of which there is nothing is in no answer.
type Copies interface {
	// Newest tells from when the newest is, by seat.
	Newest(ctx context.Context, i Running, seats []instance.Sandbox) (map[int]time.Time, error)
	// Fetch keeps the newest where they do not go away, and tells the names under which they are there, by seat.
	Fetch(ctx context.Context, i Running, seats []instance.Sandbox) (map[int]string, error)
	// Take keeps what sandboxes have now, all or nothing, and tells the names under which it is there, by seat.
	Take(ctx context.Context, i Running, seats []instance.Sandbox) (map[int]string, error)
	// PutBack puts one back into a sandbox that is new.
	PutBack(ctx context.Context, i Running, s instance.Sandbox, name string) error
}

// Moved is a student's sandbox that was placed anew.
type Moved struct {
	Seat     int
	Students []string
	From     string    // the node's name
	Copy     time.Time // what it has is from then; zero: it began anew
}

// Said is what is told of it.
func (m Moved) Said() string {
	who := cmp.Or(strings.Join(m.Students, ","), fmt.Sprintf("seat %d", m.Seat))
	if m.Copy.IsZero() {
		return fmt.Sprintf("%s: what was on %s is lost; it begins anew", who, m.From)
	}
	return fmt.Sprintf("%s: what was on %s is as it was at %s; what came later is lost", who, m.From, m.Copy.Local().Format(time.TimeOnly))
}

// gonePatience bounds how long gateways may take to say whom they hear and what they keep: what they say is acted on.
const gonePatience = 15 * time.Second

// GoneNodes are an instance's machines that are gone, with what is there.
func GoneNodes(ctx context.Context, i Running) (gone []Gone, err error) {
	mover, ok := i.Engine.(engine.Mover)
	if !ok || len(i.Sandboxes) == 0 {
		return nil, nil
	}
	away, err := mover.Away(ctx, i.Name)
	if err != nil || len(away) == 0 {
		return nil, err
	}
	heard := map[string]control.NodeState{}
	ctx, cancel := context.WithTimeout(ctx, gonePatience)
	defer cancel()
	client := i.Client()
	defer client.Close()
	state, unasked := client.Mesh(ctx) // where nobody answers, nobody tells anything against it
	var kept []control.Kept
	if unasked == nil {
		for _, n := range state.Nodes {
			heard[n.ID] = n
		}
		kept, unasked = depot.On(ctx, client, state.Nodes)
	}
	for _, s := range i.Sandboxes {
		node, is := away[s.Seat]
		if !is || heard[node.ID].Heard {
			continue // only its engine does not answer: what runs there is at work
		}
		n := slices.IndexFunc(gone, func(g Gone) bool { return g.ID == node.ID })
		if n < 0 {
			n, gone = len(gone), append(gone, Gone{Node: node, Since: heard[node.ID].Since})
			if unasked == nil {
				gone[n].Copies = map[int]time.Time{}
			}
		}
		gone[n].Sandboxes = append(gone[n].Sandboxes, s)
		for seat, newest := range depot.Newest(kept, []int{s.Seat}) {
			gone[n].Copies[seat] = newest.Time
		}
	}
	return gone, nil
}

// lostOf are the nodes on whose votes nobody is to wait any more: those that were given up before, or are now where no majority is
// left without them, of the nodes that there are or of those that the gateways' picture has.
func lostOf(nodes []engine.Node, picture, before []string, gone []Gone) (lost []string) {
	var ids []string
	for _, node := range nodes {
		ids = append(ids, node.ID)
	}
	few := fewWithout(ids, gone) || fewWithout(picture, gone)
	for _, node := range nodes {
		if node.Away && (few && isGone(gone, node.ID) || slices.Contains(before, node.ID)) {
			lost = append(lost, node.ID)
		}
	}
	return lost
}

func isGone(gone []Gone, id string) bool {
	return slices.ContainsFunc(gone, func(g Gone) bool { return g.ID == id })
}

// fewWithout tells whether nodes have no majority without those that are gone.
func fewWithout(ids []string, gone []Gone) bool {
	all, left := 0, 0
	for n, id := range ids {
		votes := control.Votes(n, len(ids))
		all += votes
		if !isGone(gone, id) {
			left += votes
		}
	}
	return all > 0 && 2*left <= all
}

// sandboxesOf are all that are on machines that are gone.
func sandboxesOf(gone []Gone) (all []instance.Sandbox) {
	for _, g := range gone {
		all = append(all, g.Sandboxes...)
	}
	return all
}

// giveUp says in words what becomes of sandboxes whose machine is gone.
func giveUp(gone []Gone, copies map[int]time.Time, now time.Time) string {
	var nodes, with, without []string
	oldest := time.Duration(0)
	for _, g := range gone {
		nodes = append(nodes, g.Name)
		for _, s := range g.Sandboxes {
			if at, is := copies[s.Seat]; is {
				with, oldest = append(with, s.Name()), max(oldest, now.Sub(at))
			} else {
				without = append(without, s.Name())
			}
		}
	}
	on, age := strings.Join(nodes, ", "), oldest.Round(time.Second).String()
	switch {
	case len(without) == 0:
		return fmt.Sprintf("places anew what is on %s, from copies that are at most %s old: %s", on, age, strings.Join(with, ", "))
	case len(with) == 0:
		return fmt.Sprintf("begins anew what is on %s, of which there is no copy: %s", on, strings.Join(without, ", "))
	}
	return fmt.Sprintf("places anew what is on %s, from copies that are at most %s old: %s; there is none of %s, which begin anew", on, age,
		strings.Join(with, ", "), strings.Join(without, ", "))
}

// displace gives up what is on machines that are gone, once somebody has agreed: all of it is placed anew by what comes next.
func (c Carrier) displace(ctx context.Context, out *Outcome, u *upping) error {
	r, seats := Running{out.Was, out.Engine}, sandboxesOf(out.Gone)
	copies, names := map[int]time.Time{}, map[int]string{}
	var err error
	if c.Copies != nil {
		if copies, err = c.Copies(r.Name).Newest(ctx, r, seats); err != nil {
			return err
		}
	}
	if harm := giveUp(out.Gone, copies, c.Now()); harm != u.agreed {
		if err := c.agree(ctx, plan.Plan{}, harm); err != nil {
			return err
		}
		u.agreed = harm
	}
	if c.Copies != nil {
		if names, err = c.Copies(r.Name).Fetch(ctx, r, seats); err != nil {
			return err
		}
	}
	u.touched, u.given = true, append(u.given, out.Gone...)
	mover := out.Engine.(engine.Mover)
	for _, g := range out.Gone {
		for _, s := range g.Sandboxes {
			if err := mover.Displace(ctx, r.Name, s.Seat, names[s.Seat]); err != nil {
				return err
			}
			m := Moved{Seat: s.Seat, Students: s.Students, From: g.Name}
			if names[s.Seat] != "" {
				m.Copy = copies[s.Seat]
			}
			u.moved = append(u.moved, m)
		}
	}
	return nil
}

// putBack puts back what a sandbox had on another machine.
func (c Carrier) putBack(out Outcome, displaced map[int]string) func(ctx context.Context, seat int) error {
	i := Running{out.Was, out.Engine}
	i.Gateway = true // by then: who is asked is a sandbox that is ready
	return func(ctx context.Context, seat int) error {
		if displaced[seat] == engine.Unmoved {
			return out.Engine.(engine.Mover).Settle(ctx, out.Name, seat)
		}
		if c.Copies == nil {
			return fmt.Errorf("sandbox %d has been placed anew, and its copy %s is not put back by this command", seat, displaced[seat])
		}
		err := c.Copies(i.Name).PutBack(ctx, i, instance.Sandbox{Seat: seat, Students: out.Students[seat]}, displaced[seat])
		if err == nil {
			err = out.Engine.(engine.Mover).Settle(ctx, out.Name, seat)
		}
		return err
	}
}

// tidy removes what is left of displaced sandboxes.
func tidy(ctx context.Context, out Outcome) error {
	mover, ok := out.Engine.(engine.Mover)
	if !ok {
		return nil
	}
	return mover.Tidy(ctx, out.Name)
}
