package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"maillab/internal/deploy"
	"maillab/internal/doctor"
	"maillab/internal/engine"
	"maillab/internal/probe"
	"maillab/internal/request"
	"maillab/labs"
)

// runProbe tries to break out of a sandbox: of the first one of the instance that -n names, if that is up, else of one of
// two that are brought up for it.
func runProbe(ctx context.Context, a *app, gateway string) error {
	if a.flags.instance != "" {
		i, err := a.the(ctx)
		if err == nil {
			return probeClass(ctx, a, i)
		}
		if !errors.Is(err, engine.ErrNotFound) {
			return err
		}
	}
	f := upFlags{Flags: request.Flags{Lab: labs.Default, Students: 2, Gateway: gateway}}
	f.name, f.Run = cmp.Or(a.flags.instance, fmt.Sprintf("doctor-%d", os.Getpid())), "doctor"
	inside, release, err := temporary(a)
	if err != nil {
		return err
	}
	defer release()
	out, err := begin(ctx, inside, f, nil)
	var found []engine.Finding
	if err == nil {
		found, err = probeNew(ctx, a, out)
	}
	if err := errors.Join(err, finish(ctx, inside, out, deploy.Nothing)); err != nil {
		return err
	}
	return a.tell(found)
}

// probeClass probes one that is at work.
func probeClass(ctx context.Context, a *app, i running) error {
	if len(i.Sandboxes) > 0 {
		question := fmt.Sprintf("Probe %s? The sandbox of %s is put under all the load that a student can make.", i.Name, i.Sandboxes[0].Name())
		if err := a.confirm(ctx, question); err != nil {
			return err
		}
	}
	found, err := probeAll(ctx, a, i)
	if err != nil {
		return err
	}
	return a.tell(found)
}

func probeNew(ctx context.Context, a *app, out deploy.Outcome) ([]engine.Finding, error) {
	i, err := observed(ctx, out)
	if err != nil {
		return nil, err
	}
	return probeAll(ctx, a, i)
}

// probeAll makes all the attempts, and says each.
func probeAll(ctx context.Context, a *app, i running) ([]engine.Finding, error) {
	return doctor.Probe(ctx, i, func(p probe.Probe) {
		if !a.flags.quiet {
			a.Fprintln(a.Err, p.Group+": "+p.Name)
		}
	})
}
