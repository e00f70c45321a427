package cli

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"maillab/internal/classroom"
	"maillab/internal/deploy"
	"maillab/internal/instance"
)

// collectPatience bounds how long what is left of an instance is asked for.
const collectPatience = 30 * time.Second

// collect keeps what a failed command leaves.
func collect(ctx context.Context, a *app, o deploy.Outcome, dir string) error {
	if dir == "" || !o.Begun {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), collectPatience)
	defer cancel()
	r, err := observed(ctx, o)
	if err != nil {
		return err
	}
	err = classroom.Collect(ctx, r, dir, a.zone(o.Name))
	a.Fprintf(a.Err, "what is left of %s is in %s\n", o.Name, dir)
	return err
}

// observed is the instance as it is now.
func observed(ctx context.Context, o deploy.Outcome) (running, error) {
	return deploy.Again(ctx, running{Instance: instance.Instance{Name: o.Name}, Engine: o.Engine})
}

// report runs the lab's checks and keeps what they say as a JUnit report.
func report(ctx context.Context, a *app, o deploy.Outcome, file string) error {
	if file == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), collectPatience)
	defer cancel()
	r, err := observed(ctx, o)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	checker := &app{Env: a.Env, Tongue: a.Tongue, flags: a.flags}
	checker.Out, checker.flags.output = &out, "junit"
	if err := (class{checker, r, true, nil}).check(ctx, nil, checkFlags{}); exitCode(err) != exitChecks && err != nil {
		return fmt.Errorf("checks: %w", err)
	}
	return classroom.Save(file, &out)
}
