// Package deploy brings an instance to what is asked for: it surveys what the engines have (survey.go), decides what is to
// be (decide.go), and carries it out (carry.go). Deciding is a pure function from what is asked for and what was found to a
// Decision; what it needs of the machine (which ports are free, chance, the clock) is handed in.
//
// An instance is claimed before it is built: its facts, which name its ports and uids, are put first; then everybody looks
// again, and who came second chooses again (package instance, Claim). First deploy, repair, growth, and who comes second are
// one loop: look, decide, carry out, until there is nothing left to do.
//
// Who changes an instance holds its folder (instance.Held) from before looking until the end.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// Maker makes one engine; an engine that does not answer is engine.ErrUnavailable.
type Maker struct {
	Name string
	Make func(ctx context.Context) (engine.Engine, error)
	// Aside is another way to use an engine that is asked, too: that it does not answer is said only when it is asked alone.
	Aside bool
}

// Running is an instance with the engine that runs it.
type Running struct {
	instance.Instance
	Engine engine.Engine
}

// Client reaches its gateway. The caller closes it. Where the gateway does not run, all that is asked ends with a
// *NoGatewayError.
func (r Running) Client() *control.Client {
	if !r.Gateway {
		return control.NewClient(func(context.Context) (net.Conn, error) { return nil, &NoGatewayError{r.Name} })
	}
	return instance.Connect(r.Engine, r.Name)
}

// DownError is an instance of which nothing runs, and of which something is kept. Since is zero where it was not taken down.
type DownError struct {
	Name  string
	Since time.Time
	Left  bool // an engine has its volumes
}

// Down tells since when an instance is down of which nothing is there, or volumes alone: nil where that is not known.
func Down(folder instance.Folder, name string, left bool, zone *time.Location) error {
	since, err := folder.DownSince()
	switch {
	case err != nil:
		return err
	case since.IsZero() && !left:
		return nil
	}
	return &DownError{Name: name, Since: since.In(zone), Left: left}
}

func (e *DownError) Error() string {
	since := e.Since.Format("2006-01-02 15:04")
	switch {
	case e.Left && e.Since.IsZero():
		return fmt.Sprintf("%s is half there: an up or a down is at work, or was broken off", e.Name)
	case e.Left:
		return fmt.Sprintf("%s is down since %s, and mail and homes are kept", e.Name, since)
	}
	return fmt.Sprintf("%s is down since %s", e.Name, since)
}

// Unwrap says that it was looked for, and is nowhere.
func (*DownError) Unwrap() error { return engine.ErrNotFound }

// NoGatewayError is an instance that has nobody at the door: none of its sandboxes can be asked.
type NoGatewayError struct{ Instance string }

func (e *NoGatewayError) Error() string {
	return fmt.Sprintf("the gateway of %s does not run, and nobody gets in: maillab up -n %[1]s repairs it", e.Instance)
}

// Survey is what all engines that answer are running.
type Survey struct {
	Engines   []engine.Engine
	Instances []Running
	Images    []engine.Resource
	Problems  []error  // of engines that do not answer
	Silent    []string // their names
}

// Look asks the engines side by side for the instances called name, or for all. A look that was broken off has seen nothing.
func Look(ctx context.Context, makers []Maker, name string) (Survey, error) {
	type answer struct {
		engine    engine.Engine
		resources []engine.Resource
		err       error
	}
	answers := make([]answer, len(makers))
	var wg sync.WaitGroup
	for i, m := range makers {
		wg.Go(func() {
			e, err := m.Make(ctx)
			if err == nil {
				answers[i].engine = e
				answers[i].resources, err = e.Observe(ctx, name)
			}
			if err != nil {
				answers[i].err = fmt.Errorf("engine %s: %w", m.Name, err)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return Survey{}, err
	}
	var s Survey
	for i, a := range answers {
		if a.err != nil && makers[i].Aside && len(makers) > 1 {
			continue
		}
		if a.err != nil {
			s.Problems, s.Silent = append(s.Problems, a.err), append(s.Silent, makers[i].Name)
			continue
		}
		s.add(a.engine, a.resources)
	}
	if len(s.Engines) == 0 {
		return s, errors.Join(s.Problems...)
	}
	return s, nil
}

func (s *Survey) add(e engine.Engine, resources []engine.Resource) {
	s.Engines = append(s.Engines, e)
	for _, i := range instance.Of(resources) {
		s.Instances = append(s.Instances, Running{Instance: i, Engine: e})
	}
	for _, r := range resources {
		same := func(o engine.Resource) bool { return o.ID() == r.ID() }
		if r.Kind == engine.Image && !slices.ContainsFunc(s.Images, same) {
			s.Images = append(s.Images, r)
		}
	}
}

// Named are the instances of a name, on whatever engine.
func (s Survey) Named(name string) []Running {
	return slices.DeleteFunc(slices.Clone(s.Instances), func(r Running) bool { return r.Name != name })
}

// Up are those of which more than volumes is there.
func (s Survey) Up() []Running {
	return slices.DeleteFunc(slices.Clone(s.Instances), func(r Running) bool { return r.Bare() })
}

// Free is a name that no instance has whose gateway runs: base, base-2, …
func (s Survey) Free(base string) string {
	taken := map[string]bool{}
	for _, i := range s.Instances {
		taken[i.Name] = i.Gateway
	}
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// Names are what the instances are called: the user's own first, others' with whose they are.
func (s Survey) Names(user string) (names []string) {
	var others []string
	for _, i := range s.Instances {
		if i.Owner == user || i.Owner == "" {
			names = append(names, i.Name)
		} else {
			others = append(others, fmt.Sprintf("%s (%s's)", i.Name, i.Owner))
		}
	}
	return append(names, others...)
}

// all are the instances of one engine: those of others have ports on the same machine, and no more in common.
func (s Survey) all() []instance.Instance {
	var all []instance.Instance
	for _, r := range s.Instances {
		all = append(all, r.Instance)
	}
	return all
}

// Hold makes this command the only one that changes an instance, and looks at it anew: what was seen before is old. waiting
// is called when somebody else is at work on it.
func Hold(ctx context.Context, folder instance.Folder, r Running, waiting func()) (Running, *instance.Held, error) {
	held, err := folder.Lock(ctx, waiting)
	if err != nil {
		return r, nil, err
	}
	now, err := Again(ctx, r)
	if err != nil {
		held.Release()
		return r, nil, err
	}
	return now, held, nil
}

// Again is an instance as it is now.
func Again(ctx context.Context, r Running) (Running, error) {
	resources, err := r.Engine.Observe(ctx, r.Name)
	if err != nil {
		return r, err
	}
	for _, i := range instance.Of(resources) {
		return Running{Instance: i, Engine: r.Engine}, nil
	}
	return r, fmt.Errorf("%w: %s is not there any more", engine.ErrNotFound, r.Name)
}

// HostOf is the machine on which an engine runs, "" when it is this one.
func HostOf(e engine.Engine) string {
	if r, ok := e.(interface{ RemoteHost() string }); ok {
		return r.RemoteHost()
	}
	return ""
}
