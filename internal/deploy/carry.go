package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"maillab/internal/apply"
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/outline"
	"maillab/internal/plan"
)

// Carrier carries deployments out: with these engines, asking and telling these people.
type Carrier struct {
	Makers []Maker // that are asked
	All    []Maker // that there are
	// Image is the tag of the sandbox image; it is made from twenty megabytes, and only for engines that want one.
	Image func() string
	// Filter is the tag of the image of a class's SpamAssassin.
	Filter func() string
	Now    func() time.Time
	// Agree is asked before something is taken from students; nil agrees to nothing.
	Agree func(ctx context.Context, p plan.Plan, harm string) error
	// Rescue is called when that was agreed to, before anything is taken, and keeps what can be kept of those who lose their
	// mail. Its error ends the up. May be nil.
	Rescue func(ctx context.Context, h *instance.Held, i Running, leaving instance.Chosen) error
	// Copies are those of an instance, which are put back where a machine is gone; nil: what was there begins anew.
	Copies func(name string) Copies
	// Events shows what apply does; finish is called when it has ended. May be nil.
	Events   func(plan.Plan) (events func(apply.Event), finish func())
	Parallel int
	// Decided is told what was decided first, and where, before anybody is asked and anything is created. May be nil.
	Decided func(o Outcome)
	Hash    func(password string) (string, error) // of passwords, as sandboxes are told them
	// Try and Ephemeral are what this machine says of its ports; nil: it is asked.
	Try       instance.Free
	Ephemeral int
}

// Outcome is what became of an up.
type Outcome struct {
	Decision
	Was     instance.Instance // before
	Leaving instance.Chosen   // who loses mail and homes, or, on a server that the class shares, the accounts
	Engine  engine.Engine
	Result  apply.Result
	Nothing bool    // there was nothing to do
	Begun   bool    // something was, or may have been, created or changed
	Alone   bool    // no other instance is there
	Gone    []Gone  // machines that are, with what is to be placed anew
	Moved   []Moved // what was
	Silent  []error // engines that did not answer, when another was taken for what is new
}

// Bounds of the loops: what is still not there then is told as it is.
const (
	mostRounds = 3
	mostLooks  = 20
	mostTries  = 6 // to take ports that somebody else takes first
)

// Plan is what an up would do; nothing is changed or kept.
func (c Carrier) Plan(ctx context.Context, folder instance.Folder, r Request) (Outcome, plan.Plan, error) {
	return c.look(ctx, folder, r, &upping{now: c.Now()})
}

// upping is what an up remembers from one look to the next.
type upping struct {
	begun   bool // by this command: nobody has been told of it yet
	touched bool
	looked  bool
	now     time.Time // a life is from then on, however often one looks
	agreed  string
	rescued bool
	refused map[int]bool
	tries   int
	given   []Gone // machines that somebody has agreed to give up
	renewed bool
	moved   []Moved
}

// renew renews once what gateways show each other, where that ends soon: else they would not hear one another any more.
func (u *upping) renew(ctx context.Context, out Outcome) error {
	r, ok := out.Engine.(engine.Renewer)
	if !ok || u.renewed || !out.Was.Gateway {
		return nil
	}
	u.renewed = true
	return r.Renew(ctx, out.Name)
}

// Up brings an instance to what is asked for. An error may come with an Outcome that tells of something begun.
func (c Carrier) Up(ctx context.Context, h *instance.Held, r Request) (Outcome, error) {
	out, err := c.up(ctx, h, r)
	if err == nil {
		err = tidy(ctx, out)
	}
	return out, err
}

func (c Carrier) up(ctx context.Context, h *instance.Held, r Request) (Outcome, error) {
	if err := h.KeepSecret(); err != nil {
		return Outcome{}, err
	}
	u := &upping{now: c.Now(), refused: map[int]bool{}}
	var result apply.Result
	var out Outcome
	for round, looks := 1, 0; ; looks++ {
		if looks == mostLooks {
			return out, fmt.Errorf("%s does not settle: others keep taking what it chooses", r.Name)
		}
		next, p, err := c.look(ctx, h.Folder, r, u)
		if next.Engine != nil {
			out = next
		}
		out.Begun, out.Moved = u.touched, u.moved
		out.Result, out.Nothing = result, p.Empty() && round == 1 && result.Outcomes == nil
		if err == nil {
			err = u.renew(ctx, next)
		}
		if err != nil || p.Empty() && !out.Nothing {
			return out, err
		}
		if len(out.Gone) > 0 {
			if err := c.displace(ctx, &out, u); err != nil {
				return out, err
			}
			continue
		}
		if harm := out.harm(p); harm != "" && harm != u.agreed && !u.begun {
			if err := c.agree(ctx, p, harm); err != nil {
				return out, err
			}
			u.agreed = harm
			continue // somebody has been thinking: things may have changed
		}
		if err := c.rescue(ctx, h, out, u); err != nil {
			return out, err
		}
		if err := out.keep(h); err != nil {
			return out, err
		}
		u.touched, out.Begun = true, true
		claims, only := p.Claims()
		if only {
			p = claims
		}
		if result, err = c.run(ctx, h, out, p); err != nil {
			return out, err
		}
		if out.Result = result; !result.OK() && !c.another(ctx, out, u, result) || result.OK() && !only && round == mostRounds || out.Nothing {
			return out, nil
		}
		if result.OK() && !only {
			round++
		}
	}
}

// another tells whether there is a use in trying again: because of somebody who took a port first, of what nobody was told yet.
func (c Carrier) another(ctx context.Context, out Outcome, u *upping, result apply.Result) bool {
	if u.tries++; ctx.Err() != nil || !u.begun || u.tries >= mostTries || !conflict(result.Err()) {
		return false
	}
	for _, b := range out.Blocks {
		u.refused[b.Base] = true
	}
	return true
}

func (c Carrier) agree(ctx context.Context, p plan.Plan, harm string) error {
	if c.Agree == nil {
		return refusef("this %s", harm)
	}
	return c.Agree(ctx, p, harm)
}

// rescue keeps once what can be kept of those who leave.
func (c Carrier) rescue(ctx context.Context, h *instance.Held, out Outcome, u *upping) error {
	if c.Rescue == nil || u.rescued || len(out.Leaving.People) == 0 {
		return nil
	}
	u.rescued = true
	return c.Rescue(ctx, h, Running{out.Was, out.Engine}, out.Leaving)
}

// look looks at what there is and decides what is to be done.
func (c Carrier) look(ctx context.Context, folder instance.Folder, r Request, u *upping) (out Outcome, p plan.Plan, err error) {
	s, err := Look(ctx, c.Makers, "")
	if err != nil {
		return out, p, err
	}
	was, err := folder.Place()
	if err != nil {
		return out, p, err
	}
	e, err := choose(ctx, s, r.Name, was, c.All)
	if err != nil {
		return out, p, err
	}
	out.Engine, out.Name = e, r.Name
	f, err := c.found(ctx, folder, r, s, e)
	if err != nil {
		return out, p, err
	}
	if !u.looked && len(f.Existing.Resources) == 0 {
		u.begun = true
	}
	if out.Gone, err = GoneNodes(ctx, Running{f.Existing, e}); err != nil {
		return out, p, err
	}
	f.Lost = lostOf(f.Nodes, f.Picture, f.Lost, u.given)
	f.Now, f.Ours = u.now, u.touched
	f.Loose, f.Refused = u.begun, u.refused
	out.Decision, err = Decide(r, f)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return out, p, err
	}
	out.Alone = len(s.Instances) == 0 || len(s.Instances) == 1 && s.Instances[0].Name == r.Name
	if len(f.Existing.Resources) == 0 {
		out.Silent = s.Problems
	}
	out.built = !f.Can.System || slices.ContainsFunc(s.Images, func(r engine.Resource) bool { return r.Image.Tag == f.Image })
	client := instance.Connect(e, r.Name)
	defer client.Close()
	actual := append(slices.Clone(f.Existing.Resources), s.Images...)
	have := instance.Specs(ctx, client, f.Existing)
	for seat := range f.Existing.Displaced() {
		delete(have, seat) // it is not what it is to be before its copy is there
	}
	p = plan.Diff(out.Desired.Resources, actual, out.Desired.Hashes(), have)
	if p, err = worded(folder, out.Desired, p); err != nil {
		return out, p, err
	}
	out.Was = f.Existing
	if out.Leaving, err = leaving(f, out.Decision, p); err != nil {
		return out, p, err
	}
	if c.Decided != nil && !u.looked {
		c.Decided(out)
	}
	u.looked = true
	return out, p, nil
}

// worded is the plan with what is different from what the last up wanted, as far as that was kept.
func worded(folder instance.Folder, wanted instance.Desired, p plan.Plan) (plan.Plan, error) {
	was, err := folder.Outlines()
	all := map[int]plan.Words{}
	for seat, now := range wanted.Outlines() {
		all[seat] = plan.Words{Made: outline.Container(was[seat], now), Told: outline.Told(was[seat], now)}
	}
	return p.Worded(all), err
}

// keep keeps what must outlive the instance, before anything is created that depends on it.
func (o Outcome) keep(h *instance.Held) error {
	return errors.Join(h.KeepPlace(placeOf(o.Engine)), o.Keep(h))
}

// Keep keeps what was decided, but where.
func (d Decision) Keep(h *instance.Held) error {
	var tasks instance.Tasks
	for _, t := range d.Lab.Tasks {
		tasks.Names = append(tasks.Names, t.ID)
		tasks.Points += t.Points
	}
	var issued error
	if len(d.Certificates.Issued) > 0 {
		issued = h.KeepCertificates(d.Certificates)
	}
	return errors.Join(issued, h.KeepPublished(d.Published), h.KeepInstead(d.Instead), h.KeepOutlines(d.Desired.Outlines()), h.KeepSeats(d.Given), h.KeepRoster(d.Roster),
		h.KeepSheet(d.Desired.Specs, tasks, len(d.Lab.Assign), instance.Reach{Doors: d.Desired.Doors, Host: d.Host}), h.KeepLab(d.Source))
}

// run walks a plan.
func (c Carrier) run(ctx context.Context, h *instance.Held, o Outcome, p plan.Plan) (apply.Result, error) {
	hasher, err := h.Hasher(c.Hash)
	if err != nil {
		return apply.Result{}, err
	}
	client := instance.Connect(o.Engine, o.Name)
	defer client.Close()
	steering := instance.NewSteering(client, o.Desired, hasher)
	steering.Watch(o.Engine, o.Name)
	steering.Spread(o.Engine, o.Name, o.Desired)
	if displaced := o.Was.Displaced(); len(displaced) > 0 {
		steering.PutBack(displaced, c.putBack(o, displaced))
	}
	return c.walk(ctx, p, apply.Config{Engine: o.Engine, Control: steering, Parallel: c.parallel(o.Engine)}), nil
}

// parallel is how many steps may be with an engine at the same time: one that has several machines takes more.
func (c Carrier) parallel(e engine.Engine) int { return max(c.Parallel, e.Capabilities().Parallel) }

func (c Carrier) walk(ctx context.Context, p plan.Plan, config apply.Config) apply.Result {
	if c.Events != nil {
		events, finish := c.Events(p)
		defer finish()
		config.Events = events
	}
	return apply.Run(ctx, p, config)
}

// conflict tells whether something failed because it was taken.
func conflict(err error) bool {
	var told *control.Error
	return errors.Is(err, engine.ErrConflict) || errors.As(err, &told) && told.Status == http.StatusConflict
}
