package grading

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"maillab/internal/check"
	"maillab/internal/dialogue"
)

// Evidence is judged when it comes, and a pass is kept at once: what is pushed out of a record afterwards has counted.
//
// Work is bounded: a dialogue and a line of the log are weighed once, an evaluation looks at what has weight only, and a
// student whose evaluation took long is not judged again before ten times as long, so that who makes much takes a tenth of
// a processor at most from the others.
const (
	gather     = 100 * time.Millisecond // what comes together is judged together
	retry      = 500 * time.Millisecond // after evidence could not be looked at
	dutyCycle  = 10
	patience   = 2 * time.Second
	maxPending = 20_000 // dialogues that wait to be weighed; the records hold no more
)

// arrivals are the folders of all students. Lock order: weighing, mu.
type arrivals struct {
	wake chan struct{}

	weighing sync.Mutex // one weighs at a time; who comes meanwhile finds it done
	log      logReader

	mu      sync.Mutex
	epoch   int
	pending []string
	folders []*folder
}

// Ended is for package dialogue: a connection has ended.
func (g *Grading) Ended(id string) {
	g.arrived.mu.Lock()
	g.arrived.pending = append(g.arrived.pending, id)
	if n := len(g.arrived.pending); n > maxPending {
		g.arrived.pending = slices.Clone(g.arrived.pending[n-maxPending/2:])
	}
	g.arrived.mu.Unlock()
	g.arrived.poke()
}

// Recorded is for package delivery: these accounts got a message.
func (g *Grading) Recorded(accounts []string) {
	if len(accounts) == 0 {
		return
	}
	g.arrived.mu.Lock()
	for _, f := range g.arrived.folders {
		f.dirty = f.dirty || f.holds(accounts)
	}
	g.arrived.mu.Unlock()
	g.arrived.poke()
}

func (a *arrivals) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Run judges what comes until ctx ends, and before that what came earlier. When nothing comes it does nothing.
func (g *Grading) Run(ctx context.Context) {
	if len(g.sheets) == 0 {
		return
	}
	for {
		wait := g.round(ctx)
		var again <-chan time.Time
		if wait > 0 {
			again = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-again:
			continue
		case <-g.arrived.wake:
		case <-g.cfg.Logged:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(gather):
		}
	}
}

// round weighs and judges what there is, and returns how soon it has to be called again although nothing comes; 0: it has not.
func (g *Grading) round(ctx context.Context) (wait time.Duration) {
	err := g.weigh(ctx)
	if err != nil && ctx.Err() == nil {
		g.cfg.Log.Warn("looking at evidence", "err", err)
		wait = retry
	}
	due, _ := g.arrived.due()
	for _, student := range due {
		g.judge(ctx, student)
	}
	late, rest := g.arrived.due()
	if len(late) > 0 {
		rest = gather
	}
	if rest > 0 && (wait == 0 || rest < wait) {
		wait = rest
	}
	return wait
}

// due are the students of whom something came, and whose time has come; and how long until another's has, 0 for none.
func (a *arrivals) due() (students []string, rest time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for _, f := range a.folders {
		switch left := f.rest.Sub(now); {
		case !f.dirty:
		case left <= 0:
			students = append(students, f.sheet.Student)
		case rest == 0 || left < rest:
			rest = left
		}
	}
	return students, rest
}

// weigh puts into folders what has come.
func (g *Grading) weigh(ctx context.Context) error {
	g.arrived.weighing.Lock()
	defer g.arrived.weighing.Unlock()
	g.turn()
	var failed []string
	var err error
	for {
		g.arrived.mu.Lock()
		ids := g.arrived.pending
		g.arrived.pending = nil
		g.arrived.mu.Unlock()
		if len(ids) == 0 {
			break
		}
		for _, id := range ids {
			if one := g.weighOne(id); one != nil {
				failed, err = append(failed, id), one
			}
		}
	}
	if len(failed) > 0 { // most likely out of descriptors: they wait for the next look
		g.arrived.mu.Lock()
		g.arrived.pending = append(failed, g.arrived.pending...)
		g.arrived.mu.Unlock()
		return err
	}
	if err := g.cfg.FlushLog(ctx); err != nil {
		return err
	}
	return g.arrived.log.read(func(line string) {
		g.arrived.mu.Lock()
		defer g.arrived.mu.Unlock()
		for _, f := range g.arrived.folders {
			f.line(line, len(g.arrived.folders))
		}
	})
}

// turn empties the folders when another epoch has begun; what the records hold of it is to be weighed. weighing is held.
func (g *Grading) turn() {
	now := g.cfg.Epochs.Current()
	g.arrived.mu.Lock()
	defer g.arrived.mu.Unlock()
	if g.arrived.epoch == now.Number {
		return
	}
	g.arrived.epoch = now.Number
	for _, f := range g.arrived.folders {
		f.clear()
		f.dirty = true
		g.changes.tell(f.sheet.Student)
	}
	g.arrived.log.close()
	g.arrived.log = logReader{path: g.cfg.LogFile, start: now.Log}
	open := g.cfg.Dialogues.Open()
	g.arrived.pending = nil
	for _, d := range g.cfg.Dialogues.List(dialogue.Filter{Epoch: now.Number}) {
		if !slices.Contains(open, d.ID) {
			g.arrived.pending = append(g.arrived.pending, d.ID)
		}
	}
}

func (g *Grading) weighOne(id string) error {
	d, err := g.cfg.Dialogues.Read(id)
	if errors.Is(err, dialogue.ErrNotFound) {
		return nil // pushed out by its owner's own
	}
	if err != nil {
		return err
	}
	g.arrived.mu.Lock()
	defer g.arrived.mu.Unlock()
	if d.Epoch != g.arrived.epoch {
		return nil
	}
	typed := slices.ContainsFunc(d.Lines, func(l dialogue.Line) bool { return l.Kind == dialogue.Command })
	for _, f := range g.arrived.folders {
		if d.Start.Before(g.ledger.since(f.sheet.Student)) {
			continue
		}
		f.add(d)
		if typed && g.surely(f.sheet, d.Accounts) {
			err = errors.Join(err, g.ledger.came(f.sheet.Student, d.Start))
		}
	}
	if err != nil { // it is written with whatever comes next
		g.cfg.Log.Warn("keeping what students did", "err", err)
	}
	return nil
}

// judge evaluates a student's tasks for which nothing has to be run, and keeps what passed.
func (g *Grading) judge(ctx context.Context, student string) {
	f := g.arrived.folder(student)
	g.arrived.mu.Lock()
	f.dirty = false
	g.arrived.mu.Unlock()
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience) // a mailbox that somebody holds makes nobody else wait
	defer cancel()
	e := g.evidence()
	defer e.close()
	work := g.ledger.work(student)
	only := onArrival(f.sheet, work)
	if len(only) == 0 || ctx.Err() != nil {
		return
	}
	results := check.Evaluate(ctx, f.sheet, g.view(e, student), work, only...)
	if ctx.Err() == nil {
		g.keep(e, student, results, true)
	} else {
		g.arrived.mu.Lock()
		f.dirty = true
		g.arrived.mu.Unlock()
	}
	g.arrived.mu.Lock()
	f.rest = time.Now().Add(dutyCycle * time.Since(begun))
	g.arrived.mu.Unlock()
}

// keep remembers results; a pass for good. What was found of before the student was put back to the start is nothing.
func (g *Grading) keep(e *evidence, student string, results []check.Result, passesOnly bool) {
	f := g.arrived.folder(student)
	g.arrived.mu.Lock()
	changed := false
	if g.arrived.epoch == e.epoch.Number && g.ledger.since(student).Equal(e.since[student]) {
		for _, r := range results {
			was := f.latest[r.ID]
			changed = changed || was.State != r.State || !maps.Equal(was.Seen, r.Seen) || was.Answer != r.Answer
			f.latest[r.ID] = r
		}
	}
	g.arrived.mu.Unlock()
	g.unwritten(g.ledger.found(e.epoch.Number, e.since[student], student, results, passesOnly))
	if changed {
		g.changes.tell(student)
	}
}

// folder is a student's; nil for nobody's.
func (a *arrivals) folder(student string) *folder {
	for _, f := range a.folders {
		if f.sheet.Student == student {
			return f
		}
	}
	return nil
}
