package deploy

import (
	"context"
	"fmt"

	"maillab/internal/engine"
	"maillab/internal/instance"
)

// choose takes the engine on which the instance is, else the first that answers. An engine that does not answer is not one
// without instances: where the instance was when it was last heard of, and cannot be looked for there, it is not begun anew
// elsewhere. all are the engines that this program knows, whichever of them were asked.
func choose(ctx context.Context, s Survey, name string, was *instance.Place, all []Maker) (engine.Engine, error) {
	switch there := s.Named(name); {
	case len(there) == 1:
		return there[0].Engine, nil
	case len(there) > 1:
		return nil, refusef("%q runs on two engines: say which with --engine", name)
	}
	chosen := s.Engines[0]
	if was == nil {
		return chosen, nil
	}
	for _, e := range s.Engines {
		if placeOf(e) == *was {
			return e, nil // it is not there any more, and begins there
		}
	}
	for _, m := range all {
		if m.Name != was.Engine {
			continue
		}
		e, err := m.Make(ctx)
		if err == nil && placeOf(e) == *was {
			var resources []engine.Resource
			if resources, err = e.Observe(ctx, name); err == nil && len(instance.Of(resources)) == 0 {
				return chosen, nil
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, elsewhere(name, *was, err)
	}
	return nil, elsewhere(name, *was, nil)
}

func placeOf(e engine.Engine) instance.Place {
	p := instance.Place{Engine: e.Capabilities().Name, Host: HostOf(e)}
	if c, ok := e.(interface{ Cluster() string }); ok {
		p.Host = c.Cluster() // whichever of its machines is asked
	}
	return p
}

// ElsewhereError is an instance that may be on an engine that was not to be asked.
type ElsewhereError struct {
	Name  string
	Place instance.Place
	Err   error // why not; nil: another was chosen
}

func elsewhere(name string, was instance.Place, err error) error {
	return &ElsewhereError{Name: name, Place: was, Err: err}
}

// Away is, where not every engine answers, that an instance which was not found may be on the one that does not; nil where it
// was taken down.
func Away(folder instance.Folder, name string) error {
	place, err := folder.Place()
	if err != nil || place == nil {
		return err
	}
	return elsewhere(name, *place, engine.ErrUnavailable)
}

func (e *ElsewhereError) Error() string {
	where := "engine " + e.Place.Engine
	if e.Place.Host != "" {
		where += " of " + e.Place.Host
	}
	switch {
	case e.Err == engine.ErrUnavailable: //nolint:errorlint // nothing more is known
		return fmt.Sprintf("%s was brought up on %s, which does not answer", e.Name, where)
	case e.Err != nil:
		return fmt.Sprintf("%s was brought up on %s, which does not answer: %v", e.Name, where, e.Err)
	}
	return fmt.Sprintf("%s is on %s, and another engine was chosen", e.Name, where)
}

func (e *ElsewhereError) Unwrap() error { return engine.ErrUnavailable }

// RefusedError is something that cannot be had as it was asked for.
type RefusedError struct{ Err error }

func (r *RefusedError) Error() string { return r.Err.Error() }
func (r *RefusedError) Unwrap() error { return r.Err }

func refuse(err error) error {
	if err == nil {
		return nil
	}
	return &RefusedError{err}
}

func refusef(format string, args ...any) error { return refuse(fmt.Errorf(format, args...)) }
