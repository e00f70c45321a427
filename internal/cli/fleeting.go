package cli

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"

	"maillab/internal/apply"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/plan"
	"maillab/internal/scratch"
)

// fleeting is what run and sandbox ask of the one way in which instances are brought up.
type fleeting struct {
	name   string            // of the instance, before -n
	alone  bool              // one student is enough, where each has a sandbox of their own
	run    string            // value of maillab.run: ports anywhere on this machine
	labels map[string]string // further ones, on everything
}

// hosted is the embedded engine in this process: it ends with the process, whatever ends that.
type hosted struct {
	maker deploy.Maker
	end   func()        // ends what is served
	ended chan struct{} // closed when nothing is served any more, because of end, or of a down from elsewhere
}

// host makes one for an instance whose seats are in the folder seats. ctx may end before what is served does: it takes
// leave in good order.
func host(ctx context.Context, a *app, seats string) *hosted {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	h := &hosted{end: end, ended: make(chan struct{})}
	log := slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var once sync.Once
	e := a.Here(seats, func(runtime, data string) {
		go once.Do(func() {
			defer close(h.ended)
			if err := a.Serve(ctx, runtime, data, log); err != nil && ctx.Err() == nil {
				log.Error("serving stopped", "err", err)
			}
		})
	})
	h.maker = deploy.Maker{Name: e.Capabilities().Name, Make: func(context.Context) (engine.Engine, error) { return e, nil }}
	return h
}

// hostedBy is this command with its own process as the embedded engine.
func hostedBy(ctx context.Context, a *app) (*app, *hosted) {
	h := host(ctx, a, filepath.Join(a.DataDir, "seats"))
	b := *a
	b.Engines = instead(a.Engines, h.maker)
	return &b, h
}

// in is this command with another data folder.
func (a *app) in(dir string) *app {
	b := *a
	b.DataDir = dir
	return &b
}

// instead puts an engine in the place of the one of the same name.
func instead(makers []deploy.Maker, other deploy.Maker) []deploy.Maker {
	makers = slices.Clone(makers)
	for i := range makers {
		if makers[i].Name == other.Name {
			makers[i] = other
		}
	}
	return makers
}

// begin brings a fleeting instance up. Where the outcome tells of something begun it must be ended.
func begin(ctx context.Context, a *app, f upFlags, decided func(deploy.Outcome)) (out deploy.Outcome, err error) {
	name, err := f.instance(a)
	if err != nil {
		return out, err
	}
	h, err := a.lock(ctx, name)
	if err != nil {
		return out, err
	}
	defer h.Release()
	r, s, err := f.request(a, name, h.Folder)
	if err != nil {
		return out, err
	}
	r.New = true
	c := a.carrier()
	builds := false
	c.Decided = func(o deploy.Outcome) {
		tellDecided(a, o)
		if builds = o.Builds(); decided != nil {
			decided(o)
		}
	}
	c.Events = func(p plan.Plan) (func(apply.Event), func()) {
		if !builds { // what is over in a second need not be told step by step
			return nil, func() {}
		}
		return a.progress(p)
	}
	if out, err = c.Up(ctx, h, r); err != nil {
		return out, placed(s, err)
	}
	return out, a.ended(ctx, out.Result, out.Name+" is up")
}

// finish takes a fleeting instance away, if it was begun.
func finish(ctx context.Context, a *app, out deploy.Outcome, keep func(engine.Resource) bool) error {
	if !out.Begun {
		return nil
	}
	return a.carrier().Finish(ctx, a.folder(out.Name), out, keep)
}

// temporary is this command with a temporary data folder.
func temporary(a *app) (inside *app, release func(), err error) {
	dir, release, err := scratch.Make()
	return a.in(dir), release, err
}
