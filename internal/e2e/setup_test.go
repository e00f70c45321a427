//go:build linux

// Package e2e plays whole scenarios on a real engine: what a teacher types, and what a student then sees on a terminal.
// Every instance is named t-e2e-…, with this process's number, and is taken down whatever happens.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/images"
	"maillab/internal/cli"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/docker"
	"maillab/internal/engine/enginetest"
)

// requireDocker skips without an engine, or fails where one is expected.
func requireDocker(t *testing.T) {
	t.Helper()
	if missing := images.Programs("maild", "labinit", "gateway"); len(missing) > 0 {
		t.Fatalf("this test program was built without %s: run make build first", strings.Join(missing, ", "))
	}
	if _, err := openDocker(t.Context()); err != nil {
		enginetest.Absent(t, err)
	}
}

func openDocker(ctx context.Context) (engine.Engine, error) {
	return docker.OpenHere(ctx, docker.Build{
		Context: images.Context, Base: images.Base, Lock: filepath.Join(os.TempDir(), "maillab-e2e-build.lock"),
	})
}

// class is an instance that a test brought up.
type class struct {
	t    *testing.T
	name string
	env  cli.Env
}

// newClass names an instance and makes sure that it is taken down in the end. Nothing is up yet.
func newClass(t *testing.T, short string) *class {
	t.Helper()
	requireDocker(t)
	c := &class{t: t, name: fmt.Sprintf("t-e2e-%d-%s", os.Getpid(), short), env: cli.Env{
		In: strings.NewReader(""), Getenv: os.Getenv, Now: time.Now, DataDir: t.TempDir(), Version: "test", Commit: "test",
		Engines: []deploy.Maker{{Name: "docker", Make: openDocker}},
	}}
	t.Cleanup(func() {
		if code, _, errs := c.try(context.Background(), "down", "-y"); code != 0 && !isDown(errs) {
			t.Errorf("down: exit code %d: %s", code, errs)
		}
	})
	return c
}

// isDown reports whether down says that there is nothing to take down: nothing at all, or only what is kept of the students.
func isDown(errs string) bool {
	return strings.Contains(errs, "no instance is called") || strings.Contains(errs, "is down already")
}

// try runs one command line about this instance.
func (c *class) try(ctx context.Context, args ...string) (code int, out, errs string) {
	var stdout, stderr locked
	env := c.env
	env.Out, env.Err = &stdout, &stderr
	code = cli.Run(ctx, env, append([]string{"-n", c.name}, args...))
	return code, stdout.String(), stderr.String()
}

// run is try for what must succeed. It returns standard output.
func (c *class) run(args ...string) string {
	c.t.Helper()
	code, out, errs := c.try(c.t.Context(), args...)
	if code != 0 {
		c.t.Fatalf("maillab %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// eventually runs a command until its output has what is wanted. It gives up with the test's own deadline in sight.
func (c *class) eventually(want string, args ...string) string {
	c.t.Helper()
	return c.await(want, func(out, _ string) string { return out }, args...)
}

// eventuallySaid is eventually for what is told beside the output.
func (c *class) eventuallySaid(want string, args ...string) {
	c.t.Helper()
	c.await(want, func(_, errs string) string { return errs }, args...)
}

func (c *class) await(want string, where func(out, errs string) string, args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	for {
		_, out, errs := c.try(ctx, args...)
		if strings.Contains(where(out, errs), want) {
			return out
		}
		if ctx.Err() != nil {
			c.t.Fatalf("maillab %s never says %q:\n%s%s", strings.Join(args, " "), want, out, errs)
		}
		time.Sleep(100 * time.Millisecond) // between two looks, not instead of one
	}
}

// locked is a buffer that several goroutines write to.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// isExit tells whether an error is a command's own failure.
func isExit(err error) bool {
	var exit interface{ ExitStatus() int }
	return errors.As(err, &exit)
}
