package cli

import (
	"context"
	"log/slog"
	"path/filepath"

	"maillab/internal/apply"
	"maillab/internal/classroom"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/plan"
	"maillab/internal/request"
	"maillab/internal/scratch"
)

// hostedBy is this command with its own process as the embedded engine.
func hostedBy(ctx context.Context, a *app) (*app, *deploy.Hosted) {
	log := slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	h := deploy.Host(ctx, func(serve func(runtime, data string)) engine.Engine {
		return a.Here(filepath.Join(a.DataDir, "seats"), serve)
	}, func(ctx context.Context, runtime, data string) {
		if err := a.Serve(ctx, runtime, data, log); err != nil && ctx.Err() == nil {
			log.Error("serving stopped", "err", err)
		}
	})
	b := *a
	b.Engines = deploy.Instead(a.Engines, h.Maker)
	return &b, h
}

// in is this command with another data folder.
func (a *app) in(dir string) *app {
	b := *a
	b.DataDir = dir
	return &b
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
		classroom.WriteDecided(a.Err, a.Tongue, o)
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
		return out, request.Placed(s, err)
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
