package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
	"maillab/internal/instance"
	"maillab/internal/roster"
	"maillab/internal/spec"
)

// kept makes monday known, with alice and bruno, on the engine docker.
func kept(t *testing.T, a *app) instance.Folder {
	t.Helper()
	h := held(t, a.folder("monday"))
	specs := map[int]spec.Sandbox{1: {Seat: 1, Accounts: []spec.Account{{Name: "a", Student: "alice"}}}, 2: {Seat: 2, Accounts: []spec.Account{{Name: "b", Student: "bruno"}}}}
	tasks := instance.Tasks{Names: []string{"journal"}}
	seats := roster.Given{"alice": {Seat: 1}, "bruno": {Seat: 2}}
	if err := errors.Join(h.KeepSeats(seats), h.KeepSheet(specs, tasks, 0, instance.Reach{}), h.KeepPlace(instance.Place{Engine: "docker"})); err != nil {
		t.Fatal(err)
	}
	h.Release()
	return a.folder("monday")
}

// TestInterruptedWhileLooking: an interruption is told as one, whatever it cut short; nobody takes an engine that had no time
// to answer for one that does not answer, or has no instance.
func TestInterruptedWhileLooking(t *testing.T) {
	for _, line := range []string{
		"status -n monday", "ls", "check -n monday", "grades -n monday", "mark -n monday alice journal passed", "forget -n monday alice -y",
		"reset -n monday", "snapshot save s -n monday", "exec -n monday --all -- true", "handout -n monday", "board -n monday",
		"down -n monday -y", "due -n monday +2d", "logs -n monday", "doctor", "up -n monday -f hello --students 2", "up -n tuesday -f hello --students 2",
	} {
		a, out := testApp(t, nil)
		var said bytes.Buffer
		a.Err = &said
		folder := kept(t, a)
		ctx, cancel := context.WithCancel(t.Context())
		a.Engines = []deploy.Maker{
			{Name: "docker", Make: func(context.Context) (engine.Engine, error) {
				cancel()
				return nil, fmt.Errorf("docker: %w: %w", engine.ErrUnavailable, context.Canceled)
			}},
			{Name: "embedded", Make: func(context.Context) (engine.Engine, error) { return &enginetest.Memory{}, nil }},
		}
		code := Run(ctx, a.Env, strings.Fields(line))
		told := strings.TrimPrefix(said.String(), "interrupted: ending in good order; interrupt again to end at once and leave things as they are\n")
		if code != exitInterrupted || told != "maillab: interrupted\n" || out.Len() > 0 {
			t.Errorf("%s: %d: %q, %q", line, code, told, out)
		}
		if seats, err := folder.Seats(); err != nil || len(seats) != 2 {
			t.Errorf("%s leaves %v, %v", line, seats, err)
		}
	}
}

// TestForgetWhileAway: nobody is forgotten whose sandbox may be on an engine that does not answer.
func TestForgetWhileAway(t *testing.T) {
	for _, line := range []string{"forget -n monday alice -y", "mark -n monday alice journal passed"} {
		a, _ := testApp(t, nil)
		var said bytes.Buffer
		a.Err = &said
		folder := kept(t, a)
		a.Engines = []deploy.Maker{
			{Name: "docker", Make: func(context.Context) (engine.Engine, error) { return nil, engine.ErrUnavailable }},
			{Name: "embedded", Make: func(context.Context) (engine.Engine, error) { return &enginetest.Memory{}, nil }},
		}
		code := Run(t.Context(), a.Env, strings.Fields(line))
		if code != exitNoEngine || !strings.HasPrefix(said.String(), "maillab: monday was brought up on engine docker, which does not answer\nstart that engine") {
			t.Errorf("%s: %d: %s", line, code, &said)
		}
		if seats, err := folder.Seats(); err != nil || len(seats) != 2 {
			t.Errorf("%s leaves %v, %v", line, seats, err)
		}
	}
}
