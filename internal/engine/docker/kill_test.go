package docker

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"maillab/internal/apply"
	"maillab/internal/engine"
	"maillab/internal/plan"
)

// killedSeats is how many sandboxes the class that is killed has.
const killedSeats = 3

// quiet is a Control for which everything is well: this test is about the engine.
type quiet struct{}

func (quiet) PutDoors(context.Context) error       { return nil }
func (quiet) Configure(context.Context, int) error { return nil }
func (quiet) WaitReady(context.Context, int) error { return nil }

// upUntilKilled is the process that is killed: it brings the class up and down again and again, and says a line for each
// thing that happens.
func upUntilKilled(instance string) int {
	endpoint, err := FindEndpoint(os.Getenv, os.DirFS("/nonexistent"), os.DirFS("/"))
	if err != nil {
		return 1
	}
	ctx := context.Background()
	e, err := Open(ctx, Config{Endpoint: endpoint})
	if err != nil {
		return 1
	}
	for desired := tinyClass(instance, killedSeats); ; desired = nil {
		actual, err := e.Observe(ctx, instance)
		if err != nil {
			return 1
		}
		apply.Run(ctx, plan.Diff(desired, actual, nil, nil), apply.Config{Engine: e, Control: quiet{}, Events: func(ev apply.Event) {
			fmt.Printf("%s: %s\n", ev.Step.ID, ev.State)
		}})
		if desired == nil {
			return 0
		}
	}
}

// TestKilledInTheMiddle: a command that is killed while it brings a class up or down leaves what the next one finishes.
func TestKilledInTheMiddle(t *testing.T) {
	e := open(t)
	for _, line := range []int{1, 6, 14, 21, 24, 30, 44, 52} { // of about 68 things that happen: 34 up, 34 down
		t.Run(fmt.Sprintf("at line %d", line), func(t *testing.T) {
			instance := instanceName(fmt.Sprint("killed", line))
			t.Cleanup(func() { removeAll(t, e, instance) })
			killAt(t, line, instance, tinyImage)
			// What the daemon has begun to remove it will remove, though until then it may look as before.
			for slices.ContainsFunc(observe(t, e, instance), func(r engine.Resource) bool { return goingAway(t, e, r) }) {
			}
			for _, desired := range [][]engine.Resource{tinyClass(instance, killedSeats), nil} {
				finish(t, e, instance, desired)
			}
		})
	}
}

func pick(t *testing.T, rs []engine.Resource, kind engine.Kind) engine.Resource {
	t.Helper()
	for _, r := range rs {
		if r.Kind == kind {
			return r
		}
	}
	t.Fatalf("no %s", kind)
	return engine.Resource{}
}

// killAt starts the other process and kills it when it has said so many lines.
func killAt(t *testing.T, line int, args ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "up-until-killed")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range line {
		if !lines.Scan() {
			t.Fatalf("it ended before line %d", line)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() //nolint:errcheck // it was killed
}

// goingAway tells whether a container is being removed: it refuses to be updated. While it is being killed the daemon's
// lists still have it running.
func goingAway(t *testing.T, e *Engine, r engine.Resource) bool {
	t.Helper()
	if r.Sandbox == nil {
		return false
	}
	_, err := e.api.ContainerUpdate(context.Background(), nameOf(r), container.UpdateConfig{
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyUnlessStopped},
	})
	return err != nil && strings.Contains(err.Error(), "marked for removal")
}

func observe(t *testing.T, e *Engine, instance string) []engine.Resource {
	t.Helper()
	actual, err := e.Observe(context.Background(), instance)
	if err != nil {
		t.Fatal(err)
	}
	return actual
}

// finish plans and applies what is left; afterwards nothing is.
func finish(t *testing.T, e *Engine, instance string, desired []engine.Resource) {
	t.Helper()
	ctx := context.Background()
	p := plan.Diff(desired, observe(t, e, instance), nil, nil)
	if r := apply.Run(ctx, p, apply.Config{Engine: e, Control: quiet{}}); !r.OK() {
		t.Fatalf("%v, in\n%s", r.Err(), p)
	}
	if left := plan.Diff(desired, observe(t, e, instance), nil, nil); !left.Empty() {
		t.Errorf("there is left\n%s", left)
	}
}
