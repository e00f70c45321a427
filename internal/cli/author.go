package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/author/studio"
	"maillab/internal/deploy"
	"maillab/internal/request"
)

func authorVerb(a *app) *cobra.Command {
	return studio.Verb(func() studio.House {
		return studio.House{
			Tongue: a.Tongue, Err: a.Err, Data: a.DataDir, Usage: usage, Instance: a.flags.instance,
			Running: func(ctx context.Context, name string) (deploy.Running, error) { return a.called(name, "").the(ctx) },
			Record: func(ctx context.Context, file string, base int, begun func(deploy.Outcome) error) error {
				return runSandbox(ctx, a, sandboxFlags{upFlags: upFlags{Flags: request.Flags{Lab: file, Base: base}, timeout: 10 * time.Minute}, called: "author", begun: begun})
			},
			Bring: func(engine string) studio.Bring {
				return func(ctx context.Context, file string, students int, do func(studio.Stage) error) error {
					return rehearse(ctx, a.called("", cmp.Or(engine, a.flags.engine, "embedded")), upFlags{Flags: request.Flags{Lab: file, Students: students}}, do)
				}
			},
		}
	}, request.Ports())
}

// called is this command, asked for another instance or engine.
func (a *app) called(name, engine string) *app {
	b := *a
	b.flags.instance, b.flags.engine = name, cmp.Or(engine, a.flags.engine)
	return &b
}

// rehearsal is a name for where ways are played. Two may begin at once on one machine, each before the other is seen: a number that is
// free is then taken by both.
func rehearsal() string { return fmt.Sprintf("try-%08x", rand.Uint32()) }

// rehearse brings a lab up under a name of its own, and takes it away when do has ended.
func rehearse(ctx context.Context, a *app, f upFlags, do func(studio.Stage) error) error {
	defer a.tellLeave(ctx)()
	a, release, err := temporary(a)
	if err != nil {
		return err
	}
	defer release()
	a, h := hostedBy(ctx, a)
	defer h.End()
	f.TTL, f.name, f.Run = lifeMost, rehearsal(), "author"
	out, err := begin(ctx, a, f, nil)
	if err == nil {
		err = do(studio.Stage{Outcome: out, Program: a.Program})
	}
	return errors.Join(err, finish(ctx, a, out, deploy.Nothing))
}
