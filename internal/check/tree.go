package check

import (
	"context"

	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// outcome of one check.
type outcome int

const (
	fails  outcome = iota
	unable         // it cannot be checked here
	waits          // for the teacher
	passes
)

// verdict is what a check found.
type verdict struct {
	outcome outcome
	seen    []task.Text
	// near says how much of a check that failed was there, from 0 to 1: of several ways the one that was gone is told.
	near float64
}

func passed(seen ...task.Text) verdict { return verdict{outcome: passes, seen: seen, near: 1} }

func failed(near float64, seen ...task.Text) verdict {
	return verdict{outcome: fails, seen: seen, near: near}
}

func unchecked(err error) verdict {
	return verdict{outcome: unable, seen: []task.Text{both("ne peut pas être vérifié : %v", "cannot be checked: %v", err)}}
}

// elsewhere is the verdict where an engine has nothing to look at.
func elsewhere() verdict {
	return verdict{outcome: unable, seen: []task.Text{both(
		"ne peut pas être vérifié ici : ce bac à sable n'a ni comptes système ni fichiers",
		"cannot be checked here: this sandbox has no system accounts and no files")}}
}

func (v verdict) state() progress.State {
	return [...]progress.State{fails: progress.Failed, unable: progress.Blocked, waits: progress.Manual, passes: progress.Passed}[v.outcome]
}

// with is the verdict with more to say.
func (v verdict) with(seen ...task.Text) verdict {
	v.seen = append(v.seen, seen...)
	return v
}

func (v verdict) text() task.Text { return join(" ; ", v.seen...) }

// check evaluates one node.
func (x *sheet) check(ctx context.Context, c *task.Check) verdict {
	switch {
	case c.All != nil:
		return x.all(ctx, c.All)
	case c.Any != nil:
		return x.any(ctx, c.Any)
	case c.Not != nil:
		return x.not(ctx, c.Not)
	case c.Message != nil:
		return x.message(ctx, c.Message)
	case c.Mail != nil:
		return x.mail(ctx, c.Mail)
	case c.Mailbox != nil:
		return x.mailbox(ctx, c.Mailbox)
	case c.Dialogue != nil:
		return x.dialogue(ctx, c.Dialogue)
	case c.Log != nil:
		return x.log(ctx, c.Log)
	case c.File != nil:
		return x.file(ctx, c.File)
	case c.Run != nil:
		return x.run(ctx, c.Run)
	case c.Answer != nil:
		return x.answer(ctx, c.Answer, x.task)
	}
	return verdict{outcome: waits, seen: []task.Text{both("attend l'avis de l'enseignant", "waits for the teacher's word")}, near: 1}
}

// all passes when each does. What costs most, a run, is not made when something else is missing already.
func (x *sheet) all(ctx context.Context, checks []task.Check) verdict {
	out := verdict{outcome: passes}
	found := make([]verdict, len(checks))
	for _, runs := range []bool{false, true} {
		for i := range checks {
			if hasRun(&checks[i]) != runs {
				continue
			}
			if runs && out.outcome == fails {
				found[i] = verdict{seen: []task.Text{both("le script n'a donc pas été lancé", "so the script was not run")}}
				continue
			}
			found[i] = x.check(ctx, &checks[i])
			out.outcome = min(out.outcome, found[i].outcome)
		}
	}
	for _, v := range found {
		out.near += v.near / float64(len(checks))
		if v.outcome != waits || out.outcome != fails { // the teacher's turn has not come
			out.seen = append(out.seen, v.seen...)
		}
	}
	return out
}

func hasRun(c *task.Check) bool {
	for _, part := range c.Walk("") {
		if part.Run != nil {
			return true
		}
	}
	return false
}

// any passes when one does; else the nearest is told.
func (x *sheet) any(ctx context.Context, checks []task.Check) verdict {
	best := verdict{near: -1}
	for i := range checks {
		v := x.check(ctx, &checks[i])
		if v.outcome == passes {
			return v
		}
		if v.outcome > best.outcome || v.outcome == best.outcome && v.near > best.near {
			best = v
		}
	}
	return best
}

// not passes when its check does not.
func (x *sheet) not(ctx context.Context, c *task.Check) verdict {
	v := x.check(ctx, c)
	switch v.outcome {
	case passes:
		return failed(0, append(v.seen, both("et cela ne devait pas être", "and that was not to be"))...)
	case fails:
		return passed(both("ce qui ne devait pas être n'est pas là", "what was not to be is not there"))
	}
	return v
}
