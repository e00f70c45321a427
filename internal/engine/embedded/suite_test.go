package embedded_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/engine/embedded"
	"maillab/internal/engine/enginetest"
)

// serveVariable makes the test program be an instance's process.
const serveVariable = "MAILLAB_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := embedded.Serve(ctx, os.Args[1], os.Args[2], slog.New(slog.NewTextHandler(os.Stderr, nil)))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// open makes an engine with folders of its own. Unix sockets want a short path.
func open(t *testing.T) enginetest.Subject {
	dir, err := os.MkdirTemp("", "maillab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	e := embedded.New(embedded.Config{Runtime: dir, Data: t.TempDir(), Command: func(runtime, data string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], runtime, data)
		cmd.Env = append(os.Environ(), serveVariable+"=1")
		return cmd
	}})
	// Nothing can be stopped alone: all that an instance has is one process. See TestKilledProcess.
	return enginetest.Subject{Engine: e, Name: func(short string) string { return "t-" + short }, Class: class}
}

func class(_ *testing.T, instance string, seats int) []engine.Resource {
	resource := func(kind engine.Kind, seat int, part string) engine.Resource {
		return engine.Resource{Kind: kind, Instance: instance, Seat: seat, Part: part, State: engine.Running, Labels: map[string]string{
			engine.LabelInstance: instance, engine.LabelKind: string(kind), engine.LabelSeat: fmt.Sprint(seat), engine.LabelPart: part,
		}}
	}
	all := []engine.Resource{resource(engine.Gateway, 0, "")}
	for seat := 1; seat <= seats; seat++ {
		all = append(all, resource(engine.Volume, seat, "data"), resource(engine.Sandbox, seat, ""))
	}
	engine.Sort(all)
	return all
}

func TestContract(t *testing.T) { enginetest.Suite(t, open) }

// A process that was killed leaves a gateway that is stopped, and its seats' folders. Putting it again brings all back.
func TestKilledProcess(t *testing.T) {
	s := open(t)
	all := class(t, "t-killed", 2)
	put := func() {
		t.Helper()
		for _, r := range all {
			if err := s.Engine.Put(t.Context(), r, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	put()
	t.Cleanup(func() { enginetest.RemoveAll(t, s.Engine, "t-killed") })
	gateway := observe(t, s.Engine)[0]
	if err := processOf(t, gateway).Kill(); err != nil {
		t.Fatal(err)
	}
	for len(observe(t, s.Engine)) != 3 { // the kernel lets go of the lock when the process is gone
		runtime.Gosched()
	}
	if left := observe(t, s.Engine); left[0].Kind != engine.Gateway || left[0].State != engine.Stopped || left[1].Kind != engine.Volume {
		t.Errorf("after the kill: %+v", left)
	}
	put()
	if back := observe(t, s.Engine); len(back) != len(all) || back[0].State != engine.Running {
		t.Errorf("put again: %+v", back)
	}
}

func observe(t *testing.T, e engine.Engine) []engine.Resource {
	t.Helper()
	rs, err := e.Observe(t.Context(), "t-killed")
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// processOf finds the process that an instance is.
func processOf(t *testing.T, gateway engine.Resource) *os.Process {
	t.Helper()
	pid, err := strconv.Atoi(gateway.Labels[embedded.LabelPID])
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	return process
}
